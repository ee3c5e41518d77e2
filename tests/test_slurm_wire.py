"""The client of the router: one deadline for a whole answer, and nothing believed that is not whole and valid."""

import socket
import threading
import time
from pathlib import Path

import pytest

from tidegate.agents.slurm.router import Decision, Question, RouterClient
from tidegate.agents.slurm.settings import Router
from tidegate.agents.slurm.wire import AwayError, call

from .fake_router import serving

ASKED = [Question(id="8@1", attempt=1), Question(id="9@1", attempt=2)]


def client(folder: Path, seconds: float = 1) -> RouterClient:
    return RouterClient(Router(socket=folder / "router.sock", timeout_seconds=seconds), "lab", ["committed", "burst"])


@pytest.fixture
def router(tmp_path):
    made = serving(tmp_path, "spread committed burst 4")
    yield made
    made.shutdown()
    made.server_close()


def test_a_state_is_told_and_every_question_answered(router, tmp_path):
    mine = client(tmp_path)
    mine.tell(b"{}", 1)
    answers = mine.ask(ASKED, 1)
    assert [(one.id, one.attempt, one.action) for one in answers] == [("8@1", 1, "burst"), ("9@1", 2, "committed")]
    assert isinstance(answers[0], Decision) and answers[0].why == "a rule of tests"
    assert mine.is_ready(1)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("slow", "no answer within 1 s"),
        ("drip", "no answer within 1 s"),
        ("garbage", "no list of decisions"),
        ("strange", "'nowhere', which is no site"),
        ("fewer", "other questions than it was asked"),
        ("busy", "busy, busy, busy, busy"),
    ],
)
def test_an_answer_that_is_late_or_not_whole_is_none(router, tmp_path, rule, reason):
    router.rule.write_text(rule)
    began = time.monotonic()
    with pytest.raises(AwayError, match=reason):
        client(tmp_path).ask(ASKED, 5)
    assert time.monotonic() - began < 2


def test_a_router_that_is_not_there_is_away_at_once(tmp_path):
    with pytest.raises(AwayError, match="router: No such file or directory"):
        client(tmp_path).ask(ASKED, 5)


def test_a_port_is_asked_with_the_token(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        router = Router(port=server.getsockname()[1], token_file=tmp_path / "token")
        assert RouterClient(router, "lab", []).is_ready(2)
        thread.join()
    assert b"Authorization: Bearer secret\r\n" in heard[0]


def test_a_token_that_is_absent_is_said(tmp_path):
    router = Router(port=9, token_file=tmp_path / "token")
    with pytest.raises(AwayError, match=r"the token, .*, cannot be read"):
        RouterClient(router, "lab", []).is_ready(2)


def test_an_answer_that_is_cut_short_is_none(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock"))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(AwayError, match="cut short"):
            call(tmp_path / "sock", "GET", "/", seconds=2)
        thread.join()
