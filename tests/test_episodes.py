"""An episode among others: whose jobs it meets, which variant it follows, when it begins, what is kept of it."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.log import KINDS
from tidegate.fastsim.offers import offered_slot
from tidegate.fastsim.spec import NO, ClassTable, ProviderTable, SiteTable, Spec, SpecTable, plain_jobs, schedules
from tidegate.fastsim.units import DAY, DOLLAR, HOUR
from tidegate.fastsim.worlds import Worlds

from .kernel_worlds import begun, jobs_of, keyed_action, keyed_agent, packed
from .reference.random_worlds import horizon, random_world
from .reference.world import World

OF_JOBS = (
    *("FINISH", "EVICT", "ARRIVE", "WRITE_OFF", "OFFER", "START", "FAIL", "PREEMPT", "REQUEST", "DENY", "CANCEL"),
    *("KILL", "EXPIRE", "MISS", "READY", "STAGE"),
)


@chooser
def choose_by_place(view, observation, mask, knobs, scratch):
    """A keyed action that knows a job by its place in its stream."""
    item = view.world.live[offered_slot(view.world)]
    return keyed_action(int(knobs[0]), item.job - view.world.state[0].first_job, item.attempts, mask)


def log_of(spec: Spec, jobs, until: int, first: int = 0, now: int = 0, variant: int = 0, seed: int = 7) -> np.ndarray:
    """The log of an episode that meets the jobs from `first` on."""
    worlds = Worlds(spec, jobs, 1, slots=64, log=True)
    worlds.begin(0, first, len(jobs), now, seed=seed, variant=variant)
    worlds.play(Agent("by place", choose_by_place, np.array([float(seed)])), until)
    return worlds.log()


def rows_of(log: np.ndarray, *kinds: str) -> np.ndarray:
    """Which rows are of one of these kinds."""
    return np.isin(log[:, 1], [KINDS.index(kind) + 1 for kind in kinds])


@pytest.mark.parametrize("seed", [22, 24, 39, 57])
def test_streams_that_lie_before_a_stream_change_nothing_in_it(seed):
    world = random_world(seed)
    jobs, until = jobs_of(world), horizon(world)
    alone = log_of(packed(world), jobs, until)
    behind = log_of(packed(world), np.concatenate([jobs, jobs]).view(np.recarray), until, first=len(jobs))
    behind[rows_of(behind, *OF_JOBS), 2] -= len(jobs)
    np.testing.assert_array_equal(behind, alone)
    assert rows_of(alone, "REQUEST").any()  # whose draws know a job by its place in the stream


@pytest.mark.parametrize("seed", [1, 5, 10, 26])
def test_an_episode_follows_its_variant_and_no_other(seed):
    world = random_world(seed)
    jobs, until, spec = jobs_of(world), horizon(world), packed(world)
    steps = [tuple((at, c, known, NO if gone is None else gone) for at, c, known, gone in s.steps) for s in world.sites]
    drawn = (tuple(() for _ in world.sites), tuple(steps))
    variants, capacity_steps, notices = schedules([site.capacity for site in world.sites], drawn)
    both = spec._replace(variants=variants, capacity_steps=capacity_steps, notices=notices)
    still = packed(replace(world, sites=[replace(site, steps=[]) for site in world.sites]))
    np.testing.assert_array_equal(log_of(both, jobs, until, variant=1), log_of(spec, jobs, until))
    np.testing.assert_array_equal(log_of(both, jobs, until, variant=0), log_of(still, jobs, until))


def empty_until(world: World, begin: int) -> World:
    """The same world, metered throughout, whose jobs all come `begin` later."""
    providers = [replace(provider, floor_money=None, floor_share=None) for provider in world.providers]
    jobs = [
        replace(
            job,
            arrival=job.arrival + begin,
            deadline=job.deadline + begin if job.deadline else 0,
            until=job.until + begin if job.until else 0,
        )
        for job in world.jobs
    ]
    return replace(world, providers=providers, jobs=jobs)


def moments(world: World) -> list[int]:
    """An instant of a step, of an announcement, of a withdrawal and of a new price, as far as there are any."""
    steps = [step for site in world.sites for step in site.steps]
    of_prices = [at for site in world.sites for at, _ in site.price_steps]
    happening = [at for at, _, _, withdrawn in steps if withdrawn is None]
    announced = [known for at, _, known, _ in steps if 0 < known < at]
    withdrawn = [gone for _, _, _, gone in steps if gone is not None]
    return [min(times) for times in (happening, announced, withdrawn, of_prices) if times]


@pytest.mark.parametrize("seed", [5, 10, 15, 18, 26, 28])
def test_a_world_that_begins_late_goes_on_like_one_that_was_empty_until_then(seed):
    for begin in moments(random_world(seed)):
        world = empty_until(random_world(seed), begin)
        spec, jobs, until = packed(world), jobs_of(world), horizon(world)
        early, late = log_of(spec, jobs, until), log_of(spec, jobs, until, now=begin)
        np.testing.assert_array_equal(late, early[early[:, 0] >= begin])


def test_nothing_is_delivered_before_a_world_begins():
    """A share of 500 permille of 10 accelerators at $2: $10 an hour, and at 6 h one hour has passed."""
    spec = SpecTable(
        (SiteTable(0, 10, 2 * DOLLAR, (1000,)),), (ProviderTable(0, floor_share=500),), (ClassTable(0),), DAY
    )
    worlds = Worlds(spec.pack(), plain_jobs(0), 1)
    worlds.begin(0, now=5 * HOUR)
    worlds.play(keyed_agent(0), 6 * HOUR)
    assert worlds.totals().floors == 10 * DOLLAR


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
def test_a_world_that_is_copied_between_two_offers_has_the_same_future(seed):
    """Where three or more offers are open, so that the copy needs the list of them."""
    world = random_world(seed)
    until, agent = horizon(world), keyed_agent(seed)
    worlds, copy, none = begun(world, slots=64), begun(world, slots=64), np.full(1, -1)
    for _ in range(200):
        worlds.run(none, agent, np.full(1, until), 1)
        if worlds.state().offers - worlds.state().offer >= 3:
            break
    assert worlds.state().offers - worlds.state().offer >= 3
    done = len(worlds.log())
    copy.copy_from(worlds, np.zeros(1, np.int64), np.zeros(1, np.int64))
    copy.state().log_rows = 0
    worlds.play(agent, until)
    copy.play(agent, until)
    np.testing.assert_array_equal(copy.log(), worlds.log()[done:])


@pytest.mark.parametrize("seed", [3, 4, 5, 10, 26, 28])
def test_results_say_what_the_log_says(seed):
    """Where and when a job started last, unless that run was broken off; how often its runs and requests were."""
    world = random_world(seed)
    worlds = begun(world, results=len(world.jobs))
    worlds.ask_results(0, 0, len(world.jobs))
    worlds.batch.state.open_results += 1
    worlds.play(keyed_agent(seed), horizon(world))
    log, results = worlds.log(), worlds.batch.results[0]
    for job in range(len(world.jobs)):
        mine = log[(log[:, 2] == job) & rows_of(log, *OF_JOBS)]
        moves = mine[rows_of(mine, "START", "EVICT", "PREEMPT")]
        starts = moves[rows_of(moves, "START")]
        is_broken = len(starts) == 0 or moves[-1, 1] != KINDS.index("START") + 1
        assert results[job].start == (-1 if is_broken else starts[-1, 0])
        assert results[job].site == (-1 if len(starts) == 0 else starts[-1, 3])
        assert results[job].evictions == len(moves) - len(starts)
        assert results[job].written_off == mine[rows_of(mine, "WRITE_OFF"), 4].sum()
