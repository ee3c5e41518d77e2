"""The router: a decision from a resident state with 1,000 running jobs, with Numba and without; over its socket.

Over the socket questions about one job each are sent at their times by another process, however late answers come;
latencies count from when each was due, the log's fsync included. Every five seconds a newer state comes, in which the
router has to carry out what it cannot show yet. Ten times as many are sent then, and it is counted what they are
answered with, and how much memory the router has before and after. At last the log is in memory, to tell the disk's
part from the router's.

All but the flood and what comes after it is repeated: a tail of a few milliseconds is also that of the machine's other
business, and differs from run to run. What is told is the median over the runs, and from the least to the largest.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.evaluation.policies import TRAINED, resolve
from tidegate.agents.ppo.network import SiteScorer
from tidegate.agents.ppo.seen import FIRST_SEED
from tidegate.agents.router.cluster import Cluster, Instant
from tidegate.agents.router.engine import POLICY, Engine
from tidegate.agents.router.replay import replay
from tidegate.agents.router.request import Request
from tidegate.agents.router.serve import quieten
from tidegate.envs.generator import generate
from tidegate.envs.present import present
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.snapshot import JobNow, SiteNow, Snapshot
from tidegate.envs.tabled import Names
from tidegate.fastsim import scorer
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.trained.bundle import load as load_bundle

NAME, RUNNING, DAY, HOUR = "mid_lab", 1_000, 86_400_000, 3_600_000
NOW = 10 * DAY
DECISIONS = 20_000 if IS_COMPILED else 300
RATE, SECONDS, CONNECTIONS = 1_000, 40, 64
STATE_SECONDS = 5
FLOODS, FLOOD_SECONDS, FLOOD_CONNECTIONS = 10 * RATE, 15, 256
AGREEING = 100_000
IN_MEMORY = Path("/dev/shm")  # where a file is synced at once
Ask = Callable[[float, float, int, str], dict[str, Any]]  # rate, seconds, connections, name: what came back


def main() -> None:
    given = options(__doc__)
    ways: dict[str, dict[str, str]] = {"Numba": {}, "plain Python": {"NUMBA_DISABLE_JIT": "1"}}
    rows = []
    for way, environment in ways.items():
        runs = [apart(environment) for _ in range(given.repeats)]
        rows.append([way, *map(str, runs[0][:2]), *over_runs([run[2:] for run in runs], 0)])
    tables = [
        table(
            ["one decision, 1,000 running jobs", "decisions", "by the policy", "p50, µs", "p99, µs", "p99.9, µs"], rows
        ),
        *over_the_socket(given.repeats),
        agreement(),
    ]
    publish("router", described([]), given.repeats, tables, given.write)


def snapshot(now: int = NOW) -> Snapshot:
    """A cluster with so many jobs that run, and room for more."""
    rng, world = np.random.default_rng(0), load(NAME)
    jobs = [
        JobNow(
            id=f"r{number}",
            job_class="research",
            gang=int(rng.integers(1, 5)),
            requested_ms=int(rng.integers(1, 48)) * HOUR,
            priority=1,
            submitted_ms=number,
            status="running",
            site="committed",
            started_ms=int(now - rng.integers(1, 5) * HOUR),
            begins_ms=now - HOUR,
            requested_end_ms=int(now + rng.integers(1, 48) * HOUR),
            ready_ms=number,
            data=data(world),
        )
        for number in range(RUNNING)
    ]
    capacities = (4096, 2048)
    sites = tuple(
        SiteNow(
            name=site.name,
            capacity=capacity,
            largest=capacity,
            price_per_hour=site.price_per_hour,
            used=capacity * now * 7 // 10,
            delivered=capacity * now,
        )
        for site, capacity in zip(world.sites, capacities, strict=True)
    )
    end = 30 * DAY
    return Snapshot(cluster=NAME, now_ms=now, period_begin_ms=0, period_end_ms=end, sites=sites, jobs=tuple(jobs))


def data(world: Scenario) -> dict[str, int]:
    """Input as jobs of this scenario have it: at the first provider."""
    return {world.providers[0].name: 100_000}


def arriving() -> list[JobNow]:
    """Jobs as the scenario draws them, which have just come: those that are in no pipeline and serve nobody."""
    world = load(NAME)
    jobs = generate(world, 1, 0, 28)
    alone = (jobs.until == 0) & (jobs.descendants == 0) & (jobs.parents == 0) & (jobs.member == 0)
    found = []
    for number, one in enumerate(jobs[alone]):
        values: dict[str, Any] = {
            "job_class": world.terms[int(one.cls)].name,
            "gang": int(one.gang),
            "requested_ms": int(one.requested),
            "priority": int(one.priority),
            "data": {world.providers[int(one.home)].name: int(one.input)} if one.input else {},
        }
        found.append(JobNow(id=f"n{number}", **values, submitted_ms=NOW, ready_ms=NOW, status="new"))
    return found


def apart(environment: dict[str, str]) -> list[Any]:
    """The row of `decisions` in a process of its own."""
    command = [sys.executable, "-c", "import router; router.decisions()"]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True, cwd=sys.path[0]
    )
    return json.loads(done.stdout.splitlines()[-1])


def decisions() -> None:
    """Decide about job after job in a resident state; print how long each took."""
    world = load(NAME)
    instant, baseline = Instant.of(present(snapshot(), world)), resolve("best-tuned", world)
    assert isinstance(baseline, Agent)
    engine, names = Engine(load_bundle(TRAINED / NAME), baseline, 1.0), Names(world)
    jobs, seconds, by_policy = arriving(), [], 0
    cluster, free = Cluster(names, instant), None
    quieten()
    for number in range(DECISIONS):
        if number % 100 == 0:
            cluster, free = Cluster(names, instant, free=free), cluster.worlds
        job = jobs[number % len(jobs)].model_copy(update={"id": f"n{number}"})
        request = Request(id=job.id, job=job)
        began = time.perf_counter()
        (decision,) = engine.decide(cluster, [request])
        seconds.append(time.perf_counter() - began)
        by_policy += decision.by == POLICY
    warm = np.array(seconds[len(seconds) // 20 :]) * 1e6
    share = f"{by_policy / DECISIONS:.0%}"
    print(json.dumps([f"{len(warm):,}", share, *(float(np.percentile(warm, part)) for part in (50, 99, 99.9))]))


def over_runs(runs: list[list[float]], digits: int) -> list[str]:
    """Median of each figure over the runs, and from the least to the largest."""
    each = [sorted(figures) for figures in zip(*runs, strict=True)]
    return [f"{np.median(one):,.{digits}f} ({one[0]:,.{digits}f}–{one[-1]:,.{digits}f})" for one in each]


def over_the_socket(repeats: int) -> list[str]:
    """At the rate it is made for, and at ten times that; then with the log in memory, without the disk's part."""
    with tempfile.TemporaryDirectory() as folder:
        with routing(Path(folder), Path(folder) / "audit.db") as (pid, ask):
            usual = [ask(RATE, SECONDS, CONNECTIONS, f"usual{at}-") for at in range(repeats)]
            before = memory(pid)
            too_many = ask(FLOODS, FLOOD_SECONDS, FLOOD_CONNECTIONS, "flood")
            after = memory(pid)
            again = ask(RATE, 5, CONNECTIONS, "after")
        agreeing = by_the_graph(Path(folder) / "audit.db")
    head = ["over the socket", "answers 200", "429", "503", "none"]
    head += ["of 200: p50, ms", "p99, ms", "p99.9, ms", "the client was late: p99.9, ms"]
    rows = [
        [f"{RATE:,} decisions/s for {SECONDS} s, {repeats} times", *told(usual)],
        [f"{FLOODS:,} decisions/s for {FLOOD_SECONDS} s", *told([too_many])],
        [f"{RATE:,} decisions/s afterwards, for 5 s", *told([again])],
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=IN_MEMORY) as held,
        routing(Path(folder), Path(held) / "audit.db") as (_, ask),
    ):
        undisturbed = [ask(RATE, SECONDS, CONNECTIONS, f"memory{at}-") for at in range(repeats)]
    rows.append([f"{RATE:,} decisions/s, the log in memory, {repeats} times", *told(undisturbed)])
    grown = [[f"{before / 1024:.0f}", f"{after / 1024:.0f}"]]
    return [table(head, rows), table(["memory before the flood, MiB", "after"], grown), agreeing]


@contextmanager
def routing(folder: Path, log: Path) -> Iterator[tuple[int, Ask]]:
    """A router with its socket in a folder: its process, and how it is asked; it has answered before."""
    path = folder / "socket"
    code = "import sys; from tidegate.agents.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "serve", str(TRAINED / NAME), "--socket", str(path), "--no-judge"]
    router = subprocess.Popen([*command, "--audit", str(log), "--rate", "1200"], stdout=subprocess.PIPE)
    try:
        assert router.stdout is not None
        router.stdout.readline()
        questions = folder / "questions.jsonl"
        questions.write_text("\n".join(map(question_about, arriving())))
        states = States(path)

        def ask(rate: float, seconds: float, connections: int, name: str) -> dict[str, Any]:
            return flood(states, rate, seconds, connections, name, questions)

        ask(RATE / 2, 3, CONNECTIONS, "warm")
        yield router.pid, ask
    finally:
        router.send_signal(signal.SIGTERM)
        router.wait(30)


def by_the_graph(log: Path) -> str:
    """What was told over the socket, decided again by onnxruntime."""
    world = load(NAME)
    rule = resolve("best-tuned", world)
    assert isinstance(rule, Agent)
    found = replay(log, world, [load_bundle(TRAINED / NAME)], lambda _: rule, by_graph=True)
    head = ["over the socket, and by ONNX from the log", "decisions", "otherwise"]
    return table(head, [[NAME, f"{found.decisions:,}", f"{len(found.differences):,}"]])


def question_about(job: JobNow) -> str:
    """Its text, with JOBNAME for the name."""
    told = json.loads(job.model_dump_json(exclude_defaults=True)) | {"id": "JOBNAME"}
    return json.dumps({"cluster": NAME, "requests": [{"id": "JOBNAME", "job": told}]})


class States:
    """Tells a router how the cluster stands now: the same jobs, later. What was just decided is not in it yet."""

    def __init__(self, path: Path) -> None:
        self.path, self.began = path, time.monotonic()
        self.content = snapshot().model_dump_json().encode()

    def tell(self) -> None:
        """Send a state."""
        now = NOW + round((time.monotonic() - self.began) * 1000)
        body = self.content.replace(b'"now_ms":%d' % NOW, b'"now_ms":%d' % now, 1)
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.connect(str(self.path))
            connection.sendall(b"POST /v1/state HTTP/1.1\r\nhost: r\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def flood(states: States, rate: float, seconds: float, connections: int, name: str, questions: Path) -> dict[str, Any]:
    """Questions from another process, with a newer state before, and every few seconds."""
    program = Path(__file__).parent / "parts" / "flood.py"
    arguments = [str(states.path), str(rate), str(seconds), str(connections), name, str(questions)]
    states.tell()
    client = subprocess.Popen([sys.executable, str(program), *arguments], stdout=subprocess.PIPE)
    while True:
        try:
            out, _ = client.communicate(timeout=STATE_SECONDS)
            return json.loads(out)
        except subprocess.TimeoutExpired:
            states.tell()


def told(runs: list[dict]) -> list[str]:
    """A row of what came back."""
    counts = [f"{sum(run['statuses'].get(status, 0) for run in runs):,}" for status in ("200", "429", "503")]
    counts.append(f"{sum(run['unanswered'] for run in runs):,}")
    figures = []
    for run in runs:
        latencies = [seconds for status, seconds in run["latencies"] if status == 200]
        figures.append([*(float(np.percentile(latencies, part)) * 1e3 for part in (50, 99, 99.9))])
        figures[-1].append(float(np.percentile(run["lags"], 99.9)) * 1e3)
    if len(runs) == 1:
        return [*counts, *(f"{one:,.2f}" for one in figures[0])]
    return [*counts, *over_runs(figures, 2)]


def memory(pid: int) -> int:
    """Resident memory of a process [KiB]."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def agreement() -> str:
    """Kernel, PyTorch and ONNX on observations of the simulator: what the policies that ship would do."""
    import torch

    rows = []
    for name in ("mid_lab", "small_team"):
        world, bundle = load(name), load_bundle(TRAINED / name)
        rule, agent = resolve("best-tuned", world), Agent("policy", scorer.choose, bundle.knobs(), observes=True)
        assert isinstance(rule, Agent)
        actor = SiteScorer(bundle.layout, bundle.manifest.network.width).requires_grad_(False)
        actor.assign(bundle.weights)
        batch = RoutingBatch(world, 64, FIRST_SEED + 9, rule=rule)
        batch.reset()
        by_onnx_and, seen = {"kernel": 0, "torch": 0}, 0
        while seen < AGREEING:
            masks, by_kernel = batch.masks == 1, batch.worlds.ask(agent)
            by_torch = np.where(masks, actor(torch.from_numpy(batch.observations)).numpy(), -np.inf).argmax(1)
            by_onnx = bundle.decide(batch.observations, masks)
            by_onnx_and["kernel"] += int((by_kernel != by_onnx).sum())
            by_onnx_and["torch"] += int((by_torch != by_onnx).sum())
            seen += len(by_kernel)
            batch.step(by_kernel)
        rows.append([name, f"{seen:,}", *(f"{differ:,}" for differ in by_onnx_and.values())])
    return table(["beside ONNX", "observations", "the kernel decides otherwise", "PyTorch"], rows)


if __name__ == "__main__":
    main()
