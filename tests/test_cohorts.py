"""What a window costs: cohorts of jobs worked by hand, and the ledger where nothing is cut off."""

import numpy as np
import pytest

from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.episodes import FIRST_STREAM, PATIENCE, Episode
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.generator import generate
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, Spec, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, DOLLAR, HOUR
from tidegate.fastsim.worlds import Worlds

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
COMMITTED_ONLY = 1  # the tag that only the committed provider has


def toy_spec(steps: tuple[tuple[int, int, int], ...] = ()) -> Spec:
    """2 committed accelerators at $1, floor all of them; 8 burst ones at $2 in nodes of 4; waiting costs $3."""
    return SpecTable(
        sites=(
            SiteTable(0, 2, DOLLAR, (1000,), capacity_steps=steps),
            SiteTable(1, 8, 2 * DOLLAR, (1000,), granule=4),
        ),
        providers=(
            ProviderTable(COMMITTED, tags=COMMITTED_ONLY, floor_share=1000),
            ProviderTable(BURST),
        ),
        classes=(ClassTable(3 * DOLLAR),),
        period=30 * DAY,
        offer_interval=HOUR,
    ).pack()


def toy_episode(*jobs: tuple[float, float, int, int], window: tuple[int, ...] = (10, 20)) -> Episode:
    """Jobs of (arrival [h], walltime [h], gang, tags), with exact requests; edges of the window in hours."""
    table = plain_jobs(len(jobs))
    for row, (arrival, walltime, gang, tags) in zip(table, jobs, strict=True):
        row.arrival, row.walltime, row.requested = arrival * HOUR, walltime * HOUR, walltime * HOUR
        row.gang, row.tags = gang, tags
    return Episode(table, np.array(window) * HOUR)


def rows_of(episode: Episode, rule: str = "cost-greedy", spec: Spec | None = None) -> np.recarray:
    """The blocks of one episode under a rule."""
    return Chunk(spec or toy_spec(), [episode]).play(RULES[rule]())[0].rows


def test_a_cohort_costs_its_waiting_in_the_window_and_its_own_burst_use() -> None:
    """Hours 10 to 20.

    Job 0 runs from 9 to 11 on both committed accelerators and is not scored. Job 1 must run there, waits from 9.5 to
    11, of which the hour from 10 counts: 2 × 1 h × $3 = $6. Job 2 has 3 accelerators, so it takes a burst node of 4
    from 19.5 to 21.5, beyond the window: 4 × 2 h × $2 = $16. Job 3 comes at 20, when the window is over.
    """
    episode = toy_episode((9, 2, 2, 0), (9.5, 1, 2, COMMITTED_ONLY), (19.5, 2, 3, 0), (20, 5, 3, 0))
    played = Chunk(toy_spec(), [episode]).play(RULES["cost-greedy"]())[0]
    row = played.rows[0]
    assert (row.delay, row.burst, row.overage, row.write_off) == (6 * DOLLAR, 16 * DOLLAR, 0, 0)
    assert (row.jobs, row.unfinished, row.evictions, row.illegal) == (2, 0, 0, 0)
    assert (row.work, row.burst_work) == (10 * HOUR, 8 * HOUR)
    assert (row.floors, row.used.sum()) == (20 * DOLLAR, 4 * DOLLAR)
    assert row.busy[:2].tolist() == [4 * HOUR, 2 * HOUR]
    assert row.supply[:2].tolist() == [20 * HOUR, 80 * HOUR]
    assert row.length == 10 * HOUR
    assert played.fares.waited.tolist() == [HOUR, 0]


def test_blocks_share_an_episode_out_by_arrival() -> None:
    episode = toy_episode((9, 2, 2, 0), (9.5, 1, 2, 1), (19.5, 2, 3, 0), (20, 5, 3, 0), window=(10, 20, 30))
    rows = rows_of(episode)
    assert rows.delay.tolist() == [6 * DOLLAR, 0]
    assert rows.burst.tolist() == [16 * DOLLAR, 40 * DOLLAR]
    assert rows.jobs.tolist() == [2, 1]
    assert rows.busy[:, 1].tolist() == [2 * HOUR, (6 + 20) * HOUR]  # use counts where it falls


def test_a_world_that_empties_early_is_read_at_the_windows_end() -> None:
    row = rows_of(toy_episode((11, 1, 1, 0)))[0]
    assert (row.floors, row.supply[0]) == (20 * DOLLAR, 20 * HOUR)


def test_a_window_without_jobs_costs_its_floor() -> None:
    row = rows_of(toy_episode((1, 1, 1, 0)))[0]
    assert (row.jobs, row.burst, row.delay, row.floors) == (0, 0, 0, 20 * DOLLAR)


def test_a_job_that_suits_no_site_is_written_off_in_the_cohort() -> None:
    """9 accelerators for an hour at the dearest price, $2, and a day of delay at $3."""
    row = rows_of(toy_episode((11, 1, 9, 0)))[0]
    assert (row.write_off, row.written_off) == (9 * 2 * DOLLAR + 9 * 24 * 3 * DOLLAR, 1)
    assert np.isnan(row.wait_p95[-1])


def test_a_job_that_never_starts_is_charged_until_the_end_and_counted() -> None:
    """Its site is announced to grow after the episode's end: it may queue there, and cannot start."""
    spec = toy_spec(((400 * DAY, 4, 0),))
    row = rows_of(toy_episode((11, 1, 4, COMMITTED_ONLY)), "committed-only", spec)[0]
    hours = (20 * HOUR + PATIENCE - 11 * HOUR) // HOUR
    assert (row.unfinished, row.delay) == (1, 4 * hours * 3 * DOLLAR)


def test_an_evicted_job_pays_for_both_runs() -> None:
    """Burst falls to nothing at 12 h and returns at 13 h: an hour of 4 accelerators is lost, and an hour waited."""
    table = SpecTable(
        sites=(SiteTable(0, 8, 2 * DOLLAR, (1000,), capacity_steps=((12 * HOUR, 0, 12 * HOUR), (13 * HOUR, 8, 0))),),
        providers=(ProviderTable(BURST),),
        classes=(ClassTable(3 * DOLLAR),),
        period=30 * DAY,
    )
    row = rows_of(toy_episode((11, 2, 4, 0)), "burst-only", table.pack())[0]
    assert (row.burst, row.delay, row.evictions) == ((1 + 2) * 4 * 2 * DOLLAR, 4 * 3 * DOLLAR, 1)


def test_when_nothing_is_cut_off_the_cohort_costs_what_the_ledger_says() -> None:
    """A window from an empty world until all is over: what runs cost, what is waited, missed and written off.

    Metered use is rounded once a run here, there once a posting.
    """
    scenario = load("small_team")
    spec, jobs = scenario.compile(), generate(scenario, 1, FIRST_STREAM, 5)
    row = Chunk(spec, [Episode(jobs, np.array([0, 60 * DAY]), seed=9)]).play(RULES["cost-greedy"]())[0].rows[0]
    worlds = Worlds(spec, jobs, 1)
    worlds.begin(0, seed=9)
    worlds.play(RULES["cost-greedy"](), 60 * DAY)
    ledger = worlds.totals()
    assert (row.overage, row.penalty, row.write_off) == (ledger.overage, ledger.penalty, ledger.write_off)
    assert row.floors == ledger.floors and row.jobs == len(jobs)
    assert abs(row.delay - ledger.delay) <= len(scenario.terms)
    assert row.burst > 0 and abs(row.burst - ledger.burst - ledger.egress) <= len(jobs)


def test_a_chunk_with_longer_cohorts_beside_it_changes_nothing() -> None:
    short = toy_episode((9, 2, 2, 0), (9.5, 1, 2, 1), (19.5, 2, 3, 0), *((21 + i, 1, 1, 1) for i in range(20)))
    long = toy_episode(*((11 + i / 10, 1, 1, 0) for i in range(50)), (40, 1, 1, 0))
    alone = [Chunk(toy_spec(), [one]).play(RULES["first-fit"]())[0].rows for one in (short, long)]
    together = Chunk(toy_spec(), [short, long]).play(RULES["first-fit"]())
    assert [one.rows.tobytes() for one in together] == [rows.tobytes() for rows in alone]


def test_a_begin_later_than_time_0_meets_the_steps_from_there() -> None:
    """Capacity of burst falls to nothing at 5 days: an episode that begins at 6 days never sees it."""
    table = SpecTable(
        sites=(SiteTable(0, 8, DOLLAR, (1000,), capacity_steps=((5 * DAY, 4, 5 * DAY),)),),
        providers=(ProviderTable(COMMITTED, floor_share=1000),),
        classes=(ClassTable(3 * DOLLAR),),
        period=4 * DAY,
    )
    days = toy_episode((6.5 * 24, 1, 4, 0), (6.5 * 24, 1, 4, 0), window=(6 * 24 + 6, 7 * 24))
    row = rows_of(days._replace(begin=6 * DAY), spec=table.pack())[0]
    assert row.supply[0] == 4 * 18 * HOUR
    assert (row.delay, row.floors) == (4 * 3 * DOLLAR, 4 * 18 * DOLLAR)


@chooser
def answer_nonsense(view, observation, mask, knobs, scratch):
    """No action at all."""
    return -1


def test_an_answer_that_is_no_action_is_counted_and_played_on() -> None:
    """It becomes hold, offer after offer, until `max_hold` is over and the lowest legal site takes the job."""
    lost = Agent("lost", answer_nonsense, np.zeros(0))
    row = Chunk(toy_spec(), [toy_episode((11, 1, 1, 0))]).play(lost)[0].rows[0]
    assert row.illegal == row.decisions > 1
    assert (row.delay, row.burst, row.unfinished) == (24 * 3 * DOLLAR, 0, 0)
