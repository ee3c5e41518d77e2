"""What if: futures of a snapshot, drawn by the scenario's terms, the same ones for every policy."""

import json
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.foresight.futures import drawn, future
from tidegate.agents.foresight.whatif import whatif
from tidegate.agents.rules import cost_greedy, first_fit
from tidegate.envs.generator import generate
from tidegate.envs.lengths import walltimes
from tidegate.envs.present import Present, present, taken
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.snapshot import JobNow, Snapshot
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.state import RUNNING, STARTING
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

SEED, DAYS = 4, 9 if IS_COMPILED else 1


def cluster(name: str) -> tuple[Scenario, Snapshot]:
    """A scenario, and its cluster after some days under cost-greedy."""
    scenario = load(name)
    worlds = Worlds(scenario.compile(seed=SEED), generate(scenario, SEED, 0, DAYS), 1)
    worlds.begin(0, seed=SEED)
    worlds.play(cost_greedy.agent(), DAYS * DAY)
    return scenario, taken(worlds, scenario)


@pytest.fixture(scope="module")
def small() -> tuple[Scenario, Snapshot, Present]:
    scenario, snapshot = cluster("small_team")
    return scenario, snapshot, present(snapshot, scenario)


@pytest.mark.skipif(not IS_COMPILED, reason="draws hundreds of thousands of jobs")
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", ["small_team", "mid_lab"])
def test_ends_are_drawn_as_jobs_really_end(name: str, share: float) -> None:
    """Given what they request and how much of that they have run, the truth lies anywhere among the draws."""
    scenario, rng = load(name), np.random.default_rng(1)
    jobs = generate(scenario, 7, 0, 56)
    alone = (jobs.until == 0) & (jobs.descendants == 0) & (jobs.parents == 0) & (jobs.member == 0)
    done = (jobs.requested * share).astype(np.int64)
    chosen = np.flatnonzero(alone & (jobs.walltime > done))
    ranks, cancelled = [], []
    for job in rng.permutation(chosen)[:1500]:
        ends = walltimes(scenario, int(jobs.cls[job]), int(jobs.requested[job]), int(done[job]), rng, 64)
        assert (ends.walltime > done[job]).all()
        below, equal = (ends.walltime < jobs.walltime[job]).mean(), (ends.walltime == jobs.walltime[job]).mean()
        ranks.append(below + rng.random() * equal)
        cancelled.append((bool(jobs.is_cancelled[job]), ends.is_cancelled.mean()))
    ranks = np.array(ranks)
    error = 1 / np.sqrt(len(ranks))
    assert abs(ranks.mean() - 0.5) < 4 * 0.29 * error
    for quantile in (0.1, 0.25, 0.75, 0.9):
        assert abs((ranks < quantile).mean() - quantile) < 4 * 0.5 * error
    truth, expected = np.array(cancelled, float).mean(0)
    assert abs(truth - expected) < 4 * 0.5 * error


def test_what_no_term_explains_runs_on() -> None:
    scenario, rng = load("small_team"), np.random.default_rng(1)
    ends = walltimes(scenario, 0, HOUR, 1000 * HOUR, rng, 3)
    assert ends.walltime.tolist() == [1100 * HOUR + 1] * 3
    assert not ends.is_cancelled.any()


def test_a_future_is_the_same_whenever_it_is_drawn(small: tuple[Scenario, Snapshot, Present]) -> None:
    scenario, _, now = small
    one, again, other = (future(now, scenario, 1, number, 24) for number in (0, 0, 1))
    assert one.jobs.tobytes() == again.jobs.tobytes()
    assert one.begun.batch.live.tobytes() == again.begun.batch.live.tobytes()
    assert one.jobs.tobytes() != other.jobs.tobytes()
    agent = cost_greedy.agent()
    assert one.play(agent)[0].rows.tobytes() == again.play(agent)[0].rows.tobytes()


def test_only_what_is_hidden_differs(small: tuple[Scenario, Snapshot, Present]) -> None:
    """All futures begin from the cluster of the snapshot."""
    scenario, snapshot, now = small
    for number in (0, 1):
        chunk = future(now, scenario, 1, number, 24)
        found = taken(chunk.begun, scenario)
        assert found.sites == snapshot.sites
        assert found.providers == snapshot.providers
        unnamed = {"id": "", "pipeline": None}
        assert [job.model_copy(update=unnamed) for job in found.jobs] == [
            job.model_copy(update=unnamed) for job in snapshot.jobs
        ]
        assert (chunk.jobs.arrival[len(now.jobs) :] > snapshot.now_ms).all()


def test_runs_end_after_now_and_requests_are_answered(small: tuple[Scenario, Snapshot, Present]) -> None:
    scenario, snapshot, now = small
    rng = np.random.default_rng(5)
    for _ in range(20):
        placed = drawn(now, scenario, rng)
        goes_on = (placed.status == RUNNING) | (placed.status == STARTING)
        assert (placed.finish[goes_on] >= snapshot.now_ms).all()  # a block of serving may end now


@pytest.mark.skipif(not IS_COMPILED, reason="plays weeks")
def test_requests_under_way_are_denied_as_often_as_expected() -> None:
    """A request of mid_lab for many machines, just made: granted by its chance; an old one was not denied in time."""
    scenario, snapshot = cluster("mid_lab")
    first = snapshot.jobs[0].model_dump()
    large = {"gang": 2048, "status": "starting", "site": "burst", "planned_ms": HOUR, "id": "large"}
    times = {"submitted_ms": snapshot.now_ms, "ready_ms": snapshot.now_ms, "claim_ms": None, "data": {}}
    rng, granted = np.random.default_rng(5), {}
    for minutes in (0, 119, 121):
        began = {"started_ms": snapshot.now_ms - minutes * 60_000, "requested_end_ms": snapshot.now_ms + HOUR}
        job = JobNow.model_validate(first | large | times | began | {"requested_ms": HOUR})
        now = present(snapshot.model_copy(update={"jobs": (job,)}), scenario)
        outcomes = [drawn(now, scenario, rng)[0] for _ in range(800)]
        granted[minutes] = np.mean([one.is_granted for one in outcomes])
        assert all(one.finish > snapshot.now_ms for one in outcomes)
    assert abs(granted[0] - 0.5) < 0.07
    assert granted[119] < 0.2  # who would be granted mostly knows by now
    assert granted[121] == 1.0  # a denial takes 120 minutes


def test_the_report_compares_policies_on_the_same_futures(small: tuple[Scenario, Snapshot, Present]) -> None:
    scenario, _, now = small
    told: list[tuple[int, int]] = []
    agents = [cost_greedy.agent(), first_fit.agent()]
    report = whatif(now, scenario, agents, 24, 5, 1, lambda *done: told.append(done))
    assert report.episodes == 5
    assert max(told) == (10, 10)
    assert len(report.policies[0].rows) == len(report.policies[1].rows) == 5
    assert (report.policies[0].rows.length == 24 * HOUR).all()
    assert "futures of the cluster as it is on day" in report.notes[0]
    again = whatif(now, scenario, agents[:1], 24, 5, 1)
    assert again.policies[0].rows.tobytes() == report.policies[0].rows.tobytes()


def test_a_future_beyond_the_span_is_refused(small: tuple[Scenario, Snapshot, Present]) -> None:
    scenario, _, now = small
    with pytest.raises(InputError, match="reach beyond day 364"):
        whatif(now, scenario, [cost_greedy.agent()], 365 * 24, 1)


def test_the_verb(
    small: tuple[Scenario, Snapshot, Present], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "now.json"
    file.write_text(small[1].model_dump_json())
    argv = ["whatif", "--snapshot", str(file), "--policy", "cost-greedy", "--futures", "2", "--hours", "6", "--json"]
    assert cli.main(argv) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["policy"] for one in found["policies"]] == ["cost-greedy"]
    assert refused([*argv[:-1], "--scenario", "mid_lab"], capsys).startswith(
        "error: snapshot: sites[1]: name, on_demand"
    )
    file.write_text("{}")
    assert str(file) in refused(argv, capsys)


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says that ends with exit code 2."""
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    return capsys.readouterr().err
