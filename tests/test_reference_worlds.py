"""The random worlds: what holds in every one of them, by their logs alone, and that they contain everything."""

from collections import Counter
from dataclasses import replace

import pytest

from .reference import dispatch
from .reference.log import (
    ACCOUNTS,
    ANNOUNCE,
    ARRIVE,
    CANCEL,
    CAPACITY,
    DENY,
    EGRESS,
    EVICT,
    EXPIRE,
    FAIL,
    FEE,
    FINISH,
    KILL,
    KINDS,
    MISS,
    OFFER,
    PENALTY,
    POST,
    PREEMPT,
    PRICE,
    READY,
    REQUEST,
    SHORTFALL,
    STAGE,
    START,
    UNUSED,
    USED,
    WITHDRAW,
    WRITE_OFF,
    WRITTEN_OFF,
)
from .reference.quantities import mix
from .reference.random_worlds import horizon, keyed_choice, random_world
from .reference.simulator import Result, Simulator, run
from .reference.state import accelerators
from .reference.world import World

SEEDS = range(100)
LEAVING = {FINISH: "FINISH", CANCEL: "CANCEL", KILL: "KILL", EXPIRE: "EXPIRE", WRITE_OFF: "WRITE_OFF"}
LOSING_ITS_PLACE = (EVICT, PREEMPT, DENY)


@pytest.fixture(scope="module")
def played() -> list[tuple[World, Result]]:
    """The random worlds under the keyed choice of the same seed."""
    worlds = [random_world(seed) for seed in SEEDS]
    return [(w, run(w, keyed_choice(seed), horizon(w))) for seed, w in zip(SEEDS, worlds, strict=True)]


def first_member(small, number):
    """The id of member 0 of the pipeline of a job."""
    return number - small.jobs[number].member


def parents(small, number):
    """The ids of the parents of a job."""
    bits = small.jobs[number].parents
    return [first_member(small, number) + member for member in range(60) if bits >> member & 1]


# Accelerators and jobs


def test_accelerators_are_conserved_and_never_overbooked(played):
    """Who is where by the log alone: never above the capacity but between a CAPACITY row and its evictions."""
    for small, result in played:
        capacity = [site.capacity for site in small.sites]
        place = {}
        for _, kind, subject, where, value in result.log:
            if kind in (REQUEST, START):
                place[subject] = where
            elif kind in LOSING_ITS_PLACE or kind in LEAVING:
                place.pop(subject, None)
            elif kind == CAPACITY:
                capacity[where] = value
            if kind in (START, FINISH, KILL, DENY) or (kind == CANCEL and where >= 0):
                assert value == accelerators(small.jobs[subject], small.sites[where])
            if kind not in (CAPACITY, EVICT):
                occupied = Counter()
                for number, site in place.items():
                    occupied[site] += accelerators(small.jobs[number], small.sites[site])
                assert all(n <= capacity[site] for site, n in occupied.items())
        assert place == {n: p.site for n, p in {**result.running, **result.starting}.items()}


def test_every_job_arrives_once_leaves_at_most_once_and_is_at_one_place(played):
    for small, result in played:
        arrived = [row[2] for row in result.log if row[1] == ARRIVE]
        assert arrived == list(range(len(small.jobs)))
        left = [(row[2], row[0], LEAVING[row[1]]) for row in result.log if row[1] in LEAVING]
        places = [*result.pending, *result.waiting, *result.starting, *result.running, *(job for job, _, _ in left)]
        assert sorted(places) == arrived
        assert sorted(left) == [(n, o.finish, o.how) for n, o in sorted(result.jobs.items()) if o.how is not None]


def test_nothing_happens_to_a_job_before_it_arrives_or_after_it_has_left(played):
    for _, result in played:
        living = set()
        for _, kind, subject, _, _ in result.log:
            if kind == ARRIVE:
                living.add(subject)
            elif kind not in (CAPACITY, ANNOUNCE, WITHDRAW, PRICE, POST):
                assert subject in living
                if kind in LEAVING:
                    living.remove(subject)


def test_a_job_waits_from_its_readiness_or_lost_place_until_it_starts(played):
    """`waited` and `start` of each outcome, from the log alone."""
    for small, result in played:
        since, waited, last = {}, Counter(), {}
        for time, kind, subject, _, _ in result.log:
            if (kind == ARRIVE and not small.jobs[subject].parents) or kind in (READY, EVICT, PREEMPT):
                since.setdefault(subject, time)  # a starting job that is evicted has waited all the time
            elif kind == START:
                last[subject] = time
                waited[subject] += time - since.pop(subject)
            elif kind == EXPIRE:
                waited[subject] += time - since.pop(subject)
        for number, outcome in result.jobs.items():
            waits_still = horizon(small) - since[number] if outcome.how is None and number in since else 0
            assert outcome.waited == waited[number] + waits_still
            assert outcome.start == last.get(number)


def test_children_start_after_their_parents_have_finished_and_never_when_one_did_not(played):
    for small, result in played:
        finished = {}
        for time, kind, subject, _, _ in result.log:
            if kind == FINISH:
                finished[subject] = time
            elif kind == READY:
                assert max(finished[parent] for parent in parents(small, subject)) == time
            elif kind in (OFFER, START):
                assert all(parent in finished for parent in parents(small, subject))
        for number in range(len(small.jobs)):
            ends = {result.jobs[parent].how for parent in parents(small, number) if parent in result.jobs}
            if ends & {"KILL", "CANCEL", "WRITE_OFF"}:
                assert result.jobs[number].how in ("CANCEL", "WRITE_OFF")  # it may have suited nothing itself


def test_only_features_that_are_switched_on_show(played):
    for small, result in played:
        kinds = {row[1] for row in result.log}
        assert small.preempt_after > 0 or PREEMPT not in kinds
        assert small.kill_overruns or KILL not in kinds
        for time, kind, subject, place, value in result.log:
            if kind == REQUEST:
                assert small.sites[place].start_up is not None
            elif kind == FAIL:
                interval = small.classes[small.jobs[subject].cls].checkpoint
                assert small.sites[place].failure is not None
                assert value < interval or interval == 0
            elif kind == KILL:
                assert small.jobs[subject].requested < small.jobs[subject].walltime
            elif kind == MISS:
                assert (time, value) == (small.jobs[subject].deadline, small.jobs[subject].penalty)
            elif kind == EXPIRE or (kind == FINISH and small.jobs[subject].until > 0):
                assert time == small.jobs[subject].until


def test_a_preempted_job_makes_room_for_a_more_urgent_one(played):
    """After the PREEMPT rows of a site the next row is the start or the request there of one who is more urgent."""
    for small, result in played:
        for row, after in zip(result.log, result.log[1:], strict=False):
            if row[1] == PREEMPT and after[1] != PREEMPT:
                assert after[1] in (START, REQUEST) and after[3] == row[3]
                assert small.jobs[after[2]].priority > small.jobs[row[2]].priority


def test_every_offer_of_data_from_elsewhere_is_from_elsewhere(played):
    for small, result in played:
        here = None
        for _, kind, subject, place, value in result.log:
            if kind == START:
                here = subject, small.sites[place].provider
            elif kind == STAGE:
                assert here is not None
                assert (here[0], value > 0, place != here[1]) == (subject, True, True)


# Money


def test_the_billed_view_equals_the_effective_view(played):
    """FEE + SHORTFALL = USED + UNUSED for each provider at each instant; the rest stands in both views."""
    for _, result in played:
        balance = Counter()
        for time, kind, subject, account, amount in result.log:
            if kind == POST and account in (FEE, SHORTFALL):
                balance[time, subject] += amount
            elif kind == POST and account in (USED, UNUSED):
                balance[time, subject] -= amount
        assert not any(balance.values())


def test_what_is_not_accrued_is_what_the_log_posts(played):
    for _, result in played:
        posted = Counter()
        for _, kind, _, account, amount in result.log:
            if kind == POST:
                assert amount != 0
                posted[account] += amount
        totals = result.totals
        assert (totals.egress, totals.penalty, totals.write_off) == tuple(
            posted[account] for account in (EGRESS, PENALTY, WRITTEN_OFF)
        )
        assert totals.penalty == sum(row[4] for row in result.log if row[1] == MISS)


def test_the_costs_of_jobs_add_up_to_metered_use_and_egress(played):
    """But for what rounding takes: less than a µ$ per run and rest, and per site for each posting of its meter."""
    for small, result in played:
        spent = sum(outcome.spent for outcome in result.jobs.values())
        starts = sum(row[1] == START for row in result.log)
        periods = 1 + (horizon(small) - small.first_period) // small.period
        postings = sum(periods + len(site.price_steps) for site in small.sites)
        difference = spent - result.totals.burst - result.totals.egress
        assert -2 * starts <= difference <= postings


# Time and choice


def test_time_never_runs_back(played):
    for _, result in played:
        times = [row[0] for row in result.log]
        assert times == sorted(times)


def test_a_run_in_parts_is_the_whole_run(played):
    """Stopped at an instant and between two, the log, the totals and all else are the same."""
    for seed, (small, whole) in zip(SEEDS[:25], played, strict=False):
        parts = Simulator(small)
        middle = whole.log[len(whole.log) // 2][0]
        for until in (middle, middle + 1, horizon(small)):
            result = parts.run(keyed_choice(seed), until)
        assert result == whole


def test_the_worlds_are_alike_whatever_is_chosen():
    """The arrivals, steps, announcements, prices and write-offs of a world do not depend on the choice."""
    exogenous = (CAPACITY, ANNOUNCE, WITHDRAW, PRICE, ARRIVE, WRITE_OFF)
    for seed in SEEDS[:10]:
        small = random_world(seed)
        logs = [run(small, keyed_choice(key), horizon(small)).log for key in (1, 2)]
        first, second = ([row for row in log if row[1] in exogenous] for log in logs)
        assert first == second


def test_a_blocked_head_never_starts_after_its_first_shadow_time(monkeypatch):
    """With one priority, exact requests, no loss, no budget, no failures, no start-ups and no re-offers."""
    promised = {}

    def shadow_time(state, site, head):
        shadow = original(state, site, head)
        if shadow is not None:
            promised.setdefault((id(state), head), shadow)
        return shadow

    original = dispatch.shadow_time
    monkeypatch.setattr(dispatch, "shadow_time", shadow_time)
    for seed in range(60):
        simulator = Simulator(tame(random_world(seed)))
        start = simulator.run(keyed_choice(seed), horizon(simulator.world)).start
        for (_, head), shadow in promised.items():
            assert start.get(head, 0) <= shadow
            assert head in start or shadow >= horizon(simulator.world)
        promised.clear()


def tame(small: World) -> World:
    """The same sites with gains only, and jobs that are alone and keep their word."""
    sites = []
    for site in small.sites:
        capacities = sorted(step[1] for step in site.steps if step[1] >= site.capacity)
        kept = [step for step in site.steps if step[1] >= site.capacity]
        steps = [(at, n, known, None) for (at, _, known, _), n in zip(kept, capacities, strict=True)]
        sites.append(replace(site, steps=steps, failure=None, start_up=None))
    jobs = [
        replace(
            job, requested=job.walltime, priority=0, until=0, member=0, parents=0, partner=-1, is_cancelled=0, input=0
        )
        for job in small.jobs
    ]
    providers = [replace(provider, budget=None) for provider in small.providers]
    return replace(
        small, sites=sites, jobs=jobs, providers=providers, dispatch="easy", pass_size=0, kill_overruns=False
    )


# What they contain


def test_every_kind_of_event_and_every_account_occurs_often(played):
    kinds = Counter(row[1] for _, result in played for row in result.log)
    accounts = Counter(row[3] for _, result in played for row in result.log if row[1] == POST)
    assert min(kinds[kind] for kind in KINDS) >= 50
    assert min(accounts[account] for account in ACCOUNTS) >= 50
    assert sum(result.illegal for _, result in played) >= 50


def test_the_keyed_choice_follows_its_formula():
    choose = keyed_choice(0)
    h = mix(mix(5) + 2)
    assert (h >> 32) % 20 != 0
    assert choose(5, 2, [False, True, True, True]) == 1 + h % 3
