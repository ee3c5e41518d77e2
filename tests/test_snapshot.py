"""A snapshot is a cluster as it is now: from it a router sees, to the last bit, what it would see in the simulator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.rules import cost_greedy
from tidegate.envs.generator import generate
from tidegate.envs.present import parsed, present, read, taken
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.snapshot import JobNow
from tidegate.envs.tabled import Names, tabled
from tidegate.fastsim.advance import OFFERED, REACHED
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.state import QUEUES, WAITING
from tidegate.fastsim.timeline import BLOCK
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

from .agents_at_random import seeing_agent

WORLDS = ("small_team", "spot_only_burst", "mid_lab", "three_providers", "pretrain_blocker", "launch_week")
FLAGSHIP = ("colossus1_gcp", "colossus1_gcp_faithful")
OFFERS = 40 if IS_COMPILED else 4
SEED, STREAM, AHEAD = 3, 5, 4  # days of arrivals after the beginning
NO_ANSWER = np.array([-1])


def offers(scenario: Scenario, agent: Agent, days: int, between: int) -> Iterator[Worlds]:
    """A world at some of its offers, `between` apart, from a day on; its observation and mask are filled."""
    worlds = Worlds(scenario.compile(seed=SEED), generate(scenario, SEED, STREAM, days + AHEAD), 1)
    worlds.begin(0, seed=77)
    worlds.play(agent, days * DAY)
    end, turns = np.array([(days + AHEAD) * DAY]), 0
    for _ in range(OFFERS):
        while True:
            worlds.run(NO_ANSWER, agent, end, turns, observes=True)
            if not worlds.make_room():
                break
        if worlds.status[0] != OFFERED:
            return
        yield worlds
        turns = between


def seen(worlds: Worlds) -> Worlds:
    """The same, with the observation and the mask of the first offer."""
    worlds.run(NO_ANSWER, cost_greedy.agent(), np.array([int(worlds.state().now)]), 0, observes=True)
    return worlds


@pytest.mark.parametrize("name", [*WORLDS, *FLAGSHIP] if IS_COMPILED else WORLDS[:1])
def test_from_a_snapshot_a_router_sees_what_it_would_see_in_the_simulator(name: str) -> None:
    scenario = load(name)
    spec, statuses = scenario.compile(seed=SEED), set[str]()
    # A rule, and one that does anything legal: it holds, moves, and sends work where it is evicted.
    for agent, between in ((cost_greedy.agent(), 13), (seeing_agent(1), 11)):
        for worlds in offers(scenario, agent, 15 if IS_COMPILED else 1, between):
            snapshot = taken(worlds, scenario)
            again = parsed(snapshot.model_dump_json(), "text")
            assert again == snapshot
            restored = seen(present(again, scenario, spec).worlds())
            np.testing.assert_array_equal(restored.masks, worlds.masks)
            np.testing.assert_array_equal(restored.observations, worlds.observations)
            statuses |= {job.status for job in snapshot.jobs}
    assert {"running", "queued"} <= statuses
    if IS_COMPILED:
        assert "held" in statuses


def test_a_world_goes_on_from_a_snapshot() -> None:
    """What runs ends when it said; what waits is dispatched; the meters count on."""
    scenario = load("small_team")
    worlds = next(offers(scenario, cost_greedy.agent(), 9 if IS_COMPILED else 2, 1))
    snapshot = taken(worlds, scenario)
    restored = present(snapshot, scenario).worlds(2)
    end = snapshot.now_ms + 400 * DAY
    assert list(restored.play(cost_greedy.agent(), end)) == [REACHED, REACHED]
    state = restored.state()
    ended = int(state.finished + state.killed + state.expired + state.cancelled)
    assert ended == len(snapshot.jobs)
    assert state.occupied[: len(scenario.sites)].tolist() == [0] * len(scenario.sites)
    assert restored.totals(0) == restored.totals(1)


def test_contracts_stand_as_the_snapshot_says() -> None:
    scenario = load("small_team")
    worlds = next(offers(scenario, cost_greedy.agent(), 9 if IS_COMPILED else 2, 1))
    snapshot = taken(worlds, scenario)
    again = taken(present(snapshot, scenario).worlds(), scenario)
    assert again.sites == snapshot.sites
    assert again.providers == snapshot.providers
    assert again == snapshot.model_copy(update={"jobs": again.jobs})
    unnamed = {"id": "", "pipeline": None}  # in a world a job is a number
    jobs = [[job.model_copy(update=unnamed) for job in one.jobs] for one in (snapshot, again)]
    assert jobs[0] == jobs[1]


@pytest.fixture(scope="module")
def small() -> tuple[Scenario, dict[str, Any]]:
    """A scenario, and a snapshot of it as plain JSON."""
    scenario = load("small_team")
    worlds = next(offers(scenario, cost_greedy.agent(), 9 if IS_COMPILED else 2, 1))
    return scenario, json.loads(taken(worlds, scenario).model_dump_json())


def changed(content: dict[str, Any], *path: str | int, value: Any) -> str:
    """The snapshot with another value at one place."""
    content = json.loads(json.dumps(content))
    place: Any = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("format",), 2, "format"),
        (("colour",), "red", "colour"),
        (("now_ms",), -1, "now_ms"),
        (("now_ms",), 1.5, "now_ms"),
        (("now_ms",), 10**12, "correct the period"),
        (("sites", 0, "name"), "nowhere", "sites[0]: name, nowhere, the scenario has none of this name"),
        (("sites", 1, "name"), "committed", "sites[1]: name, committed, given twice"),
        (("sites",), [], "sites"),
        (("sites", 0, "capacity"), 0, "sites[0]: capacity, 0"),
        (("sites", 0, "announced"), [{"at_ms": 9, "capacity": 1}, {"at_ms": 9, "capacity": 2}], "not ascending"),
        (("sites", 0, "announced"), [{"at_ms": 9, "capacity": 1}], "sites[0].announced: time, 9, is not after now"),
        (("jobs", 0, "status"), "starting", "status, starting, nothing has to start at committed"),
        (("jobs", 0, "id"), "", "jobs[0].id"),
        (("jobs", 1, "id"), "@first", "given twice, name every job once"),
        (("jobs", 0, "job_class"), "nothing", "jobs[0].job_class: class, nothing"),
        (("jobs", 0, "gang"), 0, "jobs[0].gang"),
        (("jobs", 0, "tags"), ["cuda"], "jobs[0].tags: tag, cuda"),
        (("jobs", 0, "native"), "abacus", "jobs[0].native: silicon, abacus"),
        (("jobs", 0, "site"), None, "needs a site"),
        (("jobs", 0, "site"), "nowhere", "jobs[0].site: site, nowhere"),
        (("jobs", 0, "is_offered"), True, "is not asked about"),
        (("jobs", 0, "submitted_ms"), 10**11, "jobs[0].submitted_ms"),
        (("jobs", 0, "data"), {"nowhere": 1}, "jobs[0].data: provider, nowhere"),
    ],
)
def test_what_does_not_hold_together_is_refused(
    small: tuple[Scenario, dict[str, Any]], path: tuple[str | int, ...], value: Any, told: str
) -> None:
    scenario, content = small
    assert content["jobs"][0]["status"] == "running"
    value = content["jobs"][0]["id"] if value == "@first" else value
    with pytest.raises(InputError) as refused:
        present(parsed(changed(content, *path, value=value), "snapshot"), scenario)
    assert told in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", b'{"format": 1, "format": 1}'])
def test_what_is_no_snapshot_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "now.json").write_bytes(content)
    with pytest.raises(InputError, match=r"now\.json"):
        read(tmp_path / "now.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "now.json")


def test_simulate_writes_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "now.json"
    argv = ["simulate", "small_team", "--policy", "cost-greedy", "--days", "2", "--snapshot", str(file), "--json"]
    assert cli.main(argv) == 0
    snapshot = read(file)
    assert snapshot.now_ms == 2 * DAY
    assert {job.status for job in snapshot.jobs} >= {"running"}
    worlds = present(snapshot, load("small_team")).worlds()
    assert worlds.play(cost_greedy.agent(), 2 * DAY + HOUR)[0] == REACHED


def test_a_new_job_that_nobody_asks_about_is_offered_when_the_world_goes_on() -> None:
    """And so it is in a queue, or held, when its block of serving is over, and leaves that and nothing else."""
    scenario = load("small_team")
    worlds = Worlds(scenario.compile(seed=SEED), generate(scenario, SEED, STREAM, 9), 1)
    worlds.begin(0, seed=77)
    worlds.play(cost_greedy.agent(), 8 * DAY)
    told = taken(worlds, scenario)
    serving = {
        "job_class": scenario.serving[0].name,
        "gang": 8,
        "requested_ms": DAY,
        "priority": 6,
        "submitted_ms": told.now_ms,
        "ready_ms": told.now_ms,
        "status": "new",
        "serves_until_ms": told.now_ms + HOUR,
    }
    more = tuple(JobNow(id=f"more{number}", **serving) for number in range(40))
    worlds = present(told.model_copy(update={"jobs": (*told.jobs, *more)}), scenario).worlds()
    worlds.play(cost_greedy.agent(), told.now_ms + 2 * HOUR)
    state, live = worlds.state(), worlds.batch.live[0]
    waiting = live[: int(state.slots)][live[: int(state.slots)].status == WAITING]
    for site in range(len(scenario.sites)):
        assert int(state.queued[site]) == int((waiting.site == site).sum())
        line = worlds.batch.entries[0, QUEUES * int(state.sites) + site]
        blocks = [int(worlds.batch.blocks[0, int(block)].count) for block in line[BLOCK, : line_length(worlds, site)]]
        assert sum(blocks) == int(state.queued[site])


def line_length(worlds: Worlds, site: int) -> int:
    """Blocks of a site's queue."""
    return int(worlds.batch.heads[0, QUEUES * int(worlds.state().sites) + site])


@pytest.mark.parametrize(("job_class", "until"), [("serving", None), ("research", 10**9)])
def test_who_serves_says_until_when_and_nobody_else(job_class: str, until: int | None) -> None:
    scenario = load("small_team")
    names = Names(scenario)
    job = JobNow(
        id="a",
        job_class=job_class,
        gang=1,
        requested_ms=1,
        priority=0,
        submitted_ms=0,
        status="new",
        serves_until_ms=until,
    )
    with pytest.raises(InputError, match="serves_until_ms: class"):
        tabled(job, names, 0)
