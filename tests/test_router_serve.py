"""The router as a process: over its sockets, with strangers, kills and floods."""

import json
import multiprocessing
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.policies import TRAINED
from tidegate.agents.router import audit, serve, standing
from tidegate.agents.router.admission import Limits
from tidegate.agents.router.app import ROUTE_LIMIT
from tidegate.agents.router.replay import replay
from tidegate.agents.router.serve import Settings
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

from .toy_router import NAME, Client, asked, bundle, content, question, rule, scenario

TOKEN = "a token of sixteen and more"
FUZZED = 5_000 if IS_COMPILED else 40
KILLS = 20 if IS_COMPILED else 1
OPEN = Limits(rate=1e9, burst=10**6, depth=10**6, spare=10**5)
START_SECONDS = 60


def settings(folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "cluster": NAME,
        "scenario": scenario(),
        "where": NAME,
        "bundle": TRAINED / NAME,
        "baseline": "best-tuned",
        "audit": folder / "audit.db",
        "unix": folder / "socket",
        "limits": OPEN,
        "judges": False,
    }
    return Settings(**values | changes)


def in_threads(scenario: Any, baseline: str, where: str) -> ThreadPoolExecutor:
    """What stands for a router's worker processes."""
    standing.know(scenario, baseline, where)
    return ThreadPoolExecutor(1)


def begin(chosen: Settings, lines: Any) -> None:
    """The child's part: it has all of the parent's memory, and so starts at once."""
    serve.workers = in_threads
    serve.serve(chosen, lines.put)


@contextmanager
def served(chosen: Settings) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A router in a process of its own, with a state; ended in the end."""
    context = multiprocessing.get_context("fork")
    lines = context.Queue()
    process = context.Process(target=begin, args=(chosen, lines))
    process.start()
    try:
        where = lines.get(timeout=START_SECONDS)
        assert chosen.unix is not None
        assert Client(chosen.unix).call("POST", "/v1/state", content())[0] == 200
        yield process, where
    finally:
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The unix socket and the port of one that runs."""
    folder = tmp_path_factory.mktemp("router")
    with served(settings(folder, port=0, token=TOKEN)) as (_, where):
        yield folder / "socket", where["port"]


def test_health_metadata_and_metrics(router: tuple[Path, int]) -> None:
    client = Client(router[0])
    assert client.call("GET", "/v2/health/live")[0] == 200
    assert client.call("GET", "/v2/health/ready")[0] == 200
    assert client.call("GET", "/v2")[1]["name"] == "tidegate"
    status, model = client.call("GET", f"/v2/models/{NAME}")
    assert (status, model["inputs"][0]["datatype"]) == (200, "FP32")
    assert client.call("GET", f"/v2/models/{NAME}/ready")[0] == 200
    assert client.call("GET", "/v2/models/another")[0] == 404
    client.call("POST", "/v1/route", question(asked("seen")))
    metrics = client.call("GET", "/metrics")[1].decode()
    assert "tidegate_decisions_total{action=" in metrics
    assert "tidegate_share 0.0" in metrics
    assert client.call("GET", "/v1/state")[1]["policy"]["stage"] == "shadow"
    assert client.call("GET", "/nowhere")[0] == 404
    assert client.call("GET", "/v1/route")[0] == 405


def test_it_is_closed_by_default(router: tuple[Path, int]) -> None:
    """The socket is its owner's, and over TCP a token is asked for, whatever is asked."""
    assert stat.S_IMODE(router[0].stat().st_mode) == 0o600
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
        for verb, path in (("POST", "/v1/route"), ("GET", "/metrics"), ("POST", "/v1/share"), ("GET", "/v2")):
            assert over_tcp(router[1], verb, path, header) == 401
    assert over_tcp(router[1], "GET", "/v2/health/ready", {"authorization": f"Bearer {TOKEN}"}) == 200


def over_tcp(port: int, verb: str, path: str, headers: dict[str, str]) -> int:
    """The status of an answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(verb, path, b"{}", headers)
        return connection.getresponse().status


def test_the_share_is_given_by_hand(router: tuple[Path, int]) -> None:
    client = Client(router[0])
    assert client.call("POST", "/v1/share", b'{"share": 1}')[1]["stage"] == "all"
    (decision,) = client.call("POST", "/v1/route", question(asked("shared")))[1]["decisions"]
    assert decision["share"] == 1.0
    assert client.call("POST", "/v1/share", b'{"share": 0}')[1]["stage"] == "shadow"
    for wrong in (b"{}", b'{"share": 2}', b'{"share": true}', b'{"share": "all"}', b"[]", b"\xff"):
        status, answer = client.call("POST", "/v1/share", wrong)
        assert (status, answer["error"]["what"]) == (400, "share")


def test_a_reload_of_the_same_bundle_changes_nothing(router: tuple[Path, int]) -> None:
    status, answer = Client(router[0]).call("POST", "/v1/reload")
    assert (status, answer) == (200, {"taken_over": False, "bundle": bundle().manifest.digest})


def fuzzed(rng: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    """A question that somebody might send: a sound one spoilt, or nothing like one."""
    sound = question(asked(f"fuzz{rng.randrange(50)}", attempt=rng.choice([1, 2])))
    kind = rng.randrange(8)
    if kind == 0:
        body = bytearray(sound)
        for _ in range(rng.randrange(1, 8)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        content = bytes(body)
    elif kind == 1:
        content = sound[: rng.randrange(len(sound))]
    elif kind == 2:
        content = rng.randbytes(rng.randrange(300))
    elif kind == 3:
        content = b"[" * rng.randrange(1, 20_000)
    elif kind == 4:
        content = b" " * (ROUTE_LIMIT + rng.randrange(3)) + sound
    elif kind == 5:
        odd = rng.choice([None, -1, 1e308, 10**30, "", "x" * 5000, [], {}, True, "\u0000", "NaN"])
        values = json.loads(sound)
        target = rng.choice([values, values["requests"][0], values["requests"][0]["job"]])
        target[rng.choice(list(target))] = odd
        content = json.dumps(values).encode()
    elif kind == 6:
        content = sound.replace(b"{", b'{"requests": [], ', 1)
    else:
        content = sound
    verb, path = rng.choice(
        [("POST", "/v1/route")] * 6 + [("POST", "/v1/state"), ("PUT", "/v1/route"), ("POST", "/v1")]
    )
    if path == "/v1/state" and content == sound:
        content = b"{}"
    return verb, path, content, rng.choice([{}, {"content-type": "text/plain"}, {"transfer-encoding": "chunked"}])


def test_strangers_get_no_server_error(router: tuple[Path, int]) -> None:
    """Five thousand of them, of any kind; afterwards it answers as before."""
    rng, client, seen = random.Random(7), Client(router[0]), set[int]()
    for number in range(FUZZED):
        verb, path, body, headers = fuzzed(rng)
        try:
            if "transfer-encoding" in headers:
                client.request(verb, path, iter([body[:10], body[10:]]), {}, encode_chunked=True)
            else:
                client.request(verb, path, body, headers)
            answer = client.getresponse()
            answer.read()
        except (HTTPException, OSError):  # it may close on who sends too much
            client.close()
            client = Client(router[0])
            continue
        seen.add(answer.status)
        assert answer.status < 500, (number, verb, path, body[:200], answer.status)
    assert {200, 400, 405, 404} <= seen
    assert Client(router[0]).call("POST", "/v1/route", question(asked("sound")))[0] == 200


def test_an_answer_leaves_in_one_piece(router: tuple[Path, int]) -> None:
    """Who waits for it is woken once. A head without a body leaves too, and what comes before an answer."""
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(10)
        client.connect(str(router[0]))

        def told(verb: str, path: str, *headers: str) -> bytes:
            client.sendall("\r\n".join([f"{verb} {path} HTTP/1.1", "host: r", *headers, "\r\n"]).encode())
            return client.recv(65_536)

        assert all(told("GET", "/v2").endswith(b"}") for _ in range(50))
        assert told("HEAD", "/v2").endswith(b"\r\n\r\n")
        assert (
            told("POST", "/v1/route", "content-length: 2", "expect: 100-continue") == b"HTTP/1.1 100 Continue\r\n\r\n"
        )
        client.sendall(b"{}")
        assert client.recv(65_536).startswith(b"HTTP/1.1 400")
        assert told("GET", "/v2", "connection: close").endswith(b"}")
        assert client.recv(1) == b""


def test_a_body_without_an_end_is_refused(router: tuple[Path, int]) -> None:
    client = Client(router[0])
    with suppress(OSError):
        client.request("POST", "/v1/route", iter([b" " * 65_536] * 40), encode_chunked=True)
    assert client.getresponse().status == 413


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """Killed in the middle of its work, again and again: what was told is in the log, once, and stays the answer."""
    chosen, told, rng = settings(tmp_path), dict[str, str](), random.Random(3)
    for round_ in range(KILLS):
        with served(chosen) as (process, _):
            assert chosen.unix is not None
            for name in rng.sample(sorted(told), min(5, len(told))):
                assert ask(Client(chosen.unix), name) == told[name]
            killer = threading.Timer(rng.uniform(0.05, 0.3), os.kill, (process.pid, signal.SIGKILL))
            threads = [
                threading.Thread(target=flood, args=(chosen.unix, f"{round_}-{one}", told), daemon=True)
                for one in range(4)
            ]
            for thread in (killer, *threads):
                thread.start()
            for thread in (killer, *threads):
                thread.join()
    rows = audit.entries(audit.opened(chosen.audit, read_only=True))
    logged = {row.job: row.action for row in rows}
    assert len(logged) == len(rows)
    assert told.items() <= logged.items()
    assert len(told) > 2 * KILLS
    assert replay(chosen.audit, scenario(), [bundle()], lambda _: rule()).differences == []


def ask(client: Client, name: str) -> str:
    status, answer = client.call("POST", "/v1/route", question(asked(name)))
    assert status == 200
    return answer["decisions"][0]["action"]


def flood(path: Path, name: str, told: dict[str, str]) -> None:
    """Ask until nobody answers."""
    client = Client(path)
    with suppress(HTTPException, OSError, ValueError):
        for number in range(10**6):
            told[f"{name}-{number}"] = ask(client, f"{name}-{number}")


def test_more_than_it_can_is_refused_and_what_it_takes_is_answered(tmp_path: Path) -> None:
    limits = Limits(rate=100, burst=20, depth=64)
    with served(settings(tmp_path, limits=limits)):
        answers = list[int]()

        def ask_many(thread: int) -> None:
            client = Client(tmp_path / "socket")
            for number in range(100):
                answers.append(client.call("POST", "/v1/route", question(asked(f"{thread}-{number}")))[0])

        began = time.monotonic()
        threads = [threading.Thread(target=ask_many, args=(one,)) for one in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        passed = time.monotonic() - began
    assert set(answers) == {200, 429}
    assert len(answers) == 400
    assert answers.count(200) <= 100 * passed + 21


def test_it_drains_when_it_is_told_to_end(tmp_path: Path) -> None:
    told = dict[str, str]()
    with served(settings(tmp_path)) as (process, _):
        threads = [
            threading.Thread(target=flood, args=(tmp_path / "socket", str(one), told), daemon=True) for one in range(2)
        ]
        for thread in threads:
            thread.start()
        while not told:
            time.sleep(0.01)
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join(START_SECONDS)
        for thread in threads:
            thread.join()
        assert process.exitcode is not None
    assert not (tmp_path / "socket").exists()
    logged = {row.job: row.action for row in audit.entries(audit.opened(tmp_path / "audit.db", read_only=True))}
    assert logged == told


@pytest.mark.slow
@pytest.mark.skipif(not IS_COMPILED, reason="starts processes that load for minutes")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_command_serves_and_its_log_replays(
    end: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With real worker processes, which are gone with it however it ends."""
    path, log = tmp_path / "socket", tmp_path / "audit.db"
    code = "import sys; from tidegate.agents.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "serve", str(TRAINED / NAME), "--audit", str(log), "--socket", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(b"".join(iter(process.stdout.readline, b"}\n")) + b"}")["socket"] == str(path)
            client = Client(path)
            assert client.call("POST", "/v1/state", content())[0] == 200
            for number in range(10):
                ask(client, f"job{number}")
            process.send_signal(end)
            assert process.wait(START_SECONDS) == (0 if end == signal.SIGTERM else -end)
        finally:
            process.kill()
    assert is_gone(process.pid)
    assert cli.main(["audit", "replay", str(log), "--bundle", str(TRAINED / NAME)]) == 0
    assert "differences  0" in capsys.readouterr().out


def test_it_says_where_it_listens_when_its_worker_has_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the first state, for which its sender waits for some seconds only, would wait for that."""
    order = list[str]()

    class Slow(ThreadPoolExecutor):
        def submit(self, function: Any, *values: Any, **named: Any) -> Any:
            def later() -> Any:
                time.sleep(0.2)
                order.append(function.__name__)
                return function(*values, **named)

            return super().submit(later)

    async def run(*given: Any) -> None:
        order.append("listens")
        next(one for one in given if isinstance(one, audit.Log)).close()

    monkeypatch.setattr(serve, "workers", lambda *_: Slow(1))
    monkeypatch.setattr(serve, "_run", run)
    serve.serve(settings(tmp_path), lambda _: None)
    assert order == ["is_up", "listens"]


def is_gone(group: int) -> bool:
    """Whether no process of a group is left, soon."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nobody could ask"),
        (["--port", "0"], "is asked for over TCP"),
        (["--port", "0", "--token", "OPEN"], "is open to others"),
        (["--port", "0", "--token", "SHORT"], "are too few"),
        (["--port", "0", "--token", "nowhere"], "cannot be read"),
        (["--socket", "s", "--quota", "moon=1"], "none of this name"),
        (["--socket", "s", "--quota", "spot=many"], "is no whole number"),
        (["--socket", "s", "--baseline", "rolling-lp"], "stops to plan"),
        (["--socket", "s", "--baseline", "unheard"], "there is none of this name"),
        (["--socket", "s", "--scenario", "unheard"], "unheard"),
        (["--socket", "nowhere/s"], "cannot be used"),
    ],
)
def test_what_it_cannot_start_with_is_told(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "workers", in_threads)
    Path("OPEN").write_text("0123456789abcdef0123")
    Path("SHORT").write_text("abc")
    Path("OPEN").chmod(0o644)
    Path("SHORT").chmod(0o600)
    with pytest.raises(SystemExit) as caught:
        cli.main(["serve", str(TRAINED / NAME), "--audit", "audit.db", *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_socket_that_somebody_listens_at_is_not_taken(tmp_path: Path) -> None:
    with served(settings(tmp_path)), pytest.raises(InputError, match="cannot be used"):
        serve._unix(tmp_path / "socket")
