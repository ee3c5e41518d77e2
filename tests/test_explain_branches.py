"""Branches of `tidegate explain`: what would have been, in the true future and in others, and whose cost it is."""

import numpy as np
import pytest

from tidegate.agents.evaluation.outcomes import fill_spent
from tidegate.agents.evaluation.scoring import cost
from tidegate.agents.explain import branches, futures, known, offer
from tidegate.agents.verbs import episode
from tidegate.envs.scenario import load
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.log import FINISH
from tidegate.fastsim.units import DAY
from tidegate.fastsim.worlds import Worlds

from .explained import SEED, event_log, offers_of, often_offered, rule, silent

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="weeks of episodes take minutes as plain Python")


@pytest.fixture(scope="module")
def world():
    return load("small_team")


@pytest.fixture(scope="module")
def found(world) -> offer.Found:
    repeated = often_offered(offers_of(event_log(world)))
    return offer.find(world, rule("cost-greedy"), SEED, repeated, 2, None, silent)


@pytest.fixture(scope="module")
def played(found) -> branches.Branches:
    return branches.branched(found, None, 2, silent)


def test_the_branch_of_the_action_taken_is_the_episode_played_on(world, found, played):
    worlds = Worlds(found.worlds.spec, found.worlds.jobs, 1, results=len(found.worlds.jobs))
    worlds.begin(0, seed=episode.world_seed(SEED, episode.STREAM))
    worlds.ask_results(0, 0, len(worlds.jobs))
    worlds.play(found.agent, found.now + played.until)
    before, after, result = found.worlds.totals(), worlds.totals(), worlds.batch.results[0, found.job]
    (taken,) = [one for one in played.true if one.action == found.action]
    assert taken.cluster.delay == after.delay - before.delay
    assert taken.cluster.whole == after.avoidable - before.avoidable
    assert taken.left == result.finish - found.now and taken.waited == result.waited
    assert (taken.site, taken.started) == (result.site, result.start - found.now)


def test_branches_of_other_actions_begin_with_these_actions(found, played):
    assert [one.action for one in played.true] == np.flatnonzero(found.mask).tolist()
    assert len({one.cluster for one in played.true}) > 1
    burst = next(one for one in played.true if one.site >= 1)
    assert burst.job.metered > 0


def spent_by_all(worlds: Worlds) -> np.ndarray:
    """What each job has been billed for its runs and its data so far [µ$], (jobs,), job by job."""
    spent = worlds.batch.results[0].spent.copy()
    live = worlds.batch.live[0, : int(worlds.state().slots)]
    slots = np.flatnonzero(live.status > 0)
    out = np.zeros(len(slots), np.int64)
    fill_spent(worlds.spec, worlds.batch, 0, slots, out)
    spent[live.job[slots]] = out
    return spent


def test_what_the_job_costs_and_what_others_cost_is_the_whole(found, played):
    check_split(found, played)
    for one in [*played.true, *(branch for future in played.futures for branch in future)]:
        for name in branches.Cost._fields:
            assert getattr(one.job, name) + getattr(one.others, name) == getattr(one.cluster, name)


def test_what_a_job_has_cost_before_the_offer_is_not_counted(world):
    agent = rule("burst-only")
    worlds = offer.find(world, agent, SEED, None, 1, 24, silent).worlds
    assert offer._step(worlds, agent, 20 * DAY, lambda item: item.spent > 0)  # it ran, and was evicted
    found = offer._asked(world, agent, SEED, worlds)
    assert found.item.attempts > 0 and found.work.arrival < found.now
    check_split(found, branches.branched(found, 24, 0, silent))


def check_split(found: offer.Found, played: branches.Branches) -> None:
    """The branch of the action taken has the bills that the episode gives out job by job."""
    worlds = Worlds(found.worlds.spec, found.worlds.jobs, 1, results=len(found.worlds.jobs))
    worlds.begin(0, seed=episode.world_seed(SEED, episode.STREAM))
    worlds.ask_results(0, 0, len(worlds.jobs))
    worlds.play(found.agent, found.now + played.until)
    spent, before = spent_by_all(worlds), found.worlds.totals()
    (taken,) = [one for one in played.true if one.action == found.action]
    assert taken.job.metered == spent[found.job] - found.item.spent
    others_before = before.burst + before.egress - found.item.spent
    others = int(spent.sum() - spent[found.job]) - others_before
    assert others > 10**8 and abs(others - taken.others.metered) < 10**5  # µ$; each run rounds by itself


def test_what_is_the_jobs_own_is_its_bill_and_its_delay(found, played):
    (burst,) = [one for one in played.true if one.action == 1]
    rules, seen = found.worlds.spec.rules[0], known.read(found)
    assert (
        burst.site == 1
        and burst.outcome == FINISH
        and burst.waited == found.item.waited + burst.started + (found.now - found.item.ready)
    )
    assert not (found.worlds.spec.price_steps.site == 1).any()
    increment = max(int(rules.increment[1]), 1)
    billed = -(-(burst.left - burst.started) // increment) * increment
    run = int(cost(np.array(seen.sites.accelerators[1] * billed), rules.first_price[1]))
    assert run > 0 and abs(burst.job.metered - run - seen.sites.egress[1]) <= 2
    delay = int(cost(np.array(found.work.gang * burst.started), rules.delay_rate[found.work.cls]))
    assert abs(burst.job.delay - delay) <= 1


def test_other_futures_share_the_past_and_nothing_that_comes(found, played):
    until = found.now + played.until
    arrived = int(found.worlds.state().next_job)
    one, other = (futures.other_jobs(found, number, until) for number in range(2))
    for jobs in (one, other):
        assert (jobs[:arrived] == found.worlds.jobs[:arrived]).all()
        assert (np.diff(jobs.arrival) >= 0).all() and jobs.arrival[arrived] > found.now
        true = found.worlds.jobs[arrived:]
        blocks = jobs[arrived:][jobs.until[arrived:] > 0]
        assert (blocks == true[true.until > 0]).all()
        rate = (jobs.until[arrived:] == 0).sum() / ((true.until == 0) & (true.arrival < until)).sum()
        assert 0.5 < rate < 2
    assert not np.array_equal(one.arrival[arrived:], other.arrival[arrived:])
    first, second = (futures.other_worlds(found, number, until, 2) for number in range(2))
    assert first.state(0).seed == first.state(1).seed != second.state(0).seed
    assert (first.state(0).failure_at == first.state(1).failure_at).all()
    sites = len(found.scenario.sites)
    assert (first.state(0).failure_at[:sites] > found.now).all()
    assert (first.state(0).failure_at[:sites] != second.state(0).failure_at[:sites]).any()
    assert first.state(0).next_failure == first.state(0).failure_at[:sites].min()


def test_pipelines_stay_together_in_another_future(found, played):
    jobs = futures.other_jobs(found, 0, found.now + played.until)
    members = np.flatnonzero(jobs.member > 0)
    assert len(members) > 0
    assert (jobs.member[members - 1] == jobs.member[members] - 1).all()
    assert (jobs.arrival[members - 1] == jobs.arrival[members]).all()


def test_futures_are_the_same_again(found, played):
    assert branches.branched(found, None, 2, silent) == played
