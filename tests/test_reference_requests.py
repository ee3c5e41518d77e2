"""Section 5 of the rules in worlds worked by hand: requests, start-ups and preemption."""

import pytest

from .reference.dispatch import chance
from .reference.log import DENY, EVICT, FINISH, OFFER, PREEMPT, REQUEST, START
from .reference.simulator import run
from .reference.state import State
from .reference.toys import UNIT, always, burst, first_site, job, of_kind, site, world
from .reference.world import JobClass

ANYBODY = [JobClass(0, preemptible=True)]


# Requests


def test_a_run_begins_when_its_request_is_granted():
    """A start-up takes 7 ms. Job 0 (gang 2 for 10 ms) asks at 0, runs from 7 to 17: its delay is 14, its use 20."""
    small = world([job(0, 2, 10)], [site(2, start_up=always(7))], delay_rates=[UNIT])
    result = run(small, first_site, 20)
    assert result.log[2:] == [(0, REQUEST, 0, 0, 0), (7, START, 0, 0, 2), (17, FINISH, 0, 0, 2)]
    assert (result.totals.delay, result.totals.burst) == (14, 20)
    assert (result.jobs[0].waited, result.jobs[0].spent) == (7, 20)


def test_a_start_up_takes_at_least_one_ms():
    small = world([job(0, 1, 10)], [site(1, start_up=always(0))])
    assert run(small, first_site, 20).start == {0: 1}


def test_a_starting_job_occupies_its_accelerators():
    """Job 0 asks at 0 and has both accelerators until 17; job 1 asks then, and starts 7 ms later."""
    small = world([job(0, 2, 10), job(1, 1, 10)], [site(2, start_up=always(7))])
    assert run(small, first_site, 99).start == {0: 7, 1: 24}


def test_a_denied_job_is_offered_anew_and_asks_again():
    """Nothing is ever granted; a denial takes 5 ms. Job 1, behind job 0 on one accelerator, asks at 5, after job 0."""
    small = world([job(0, 1, 10)], [site(1, start_up=always(7), grants=[(1, 0)], denial=5)])
    result = run(small, first_site, 11)
    assert result.log[1:] == [
        (0, OFFER, 0, 0, 0),
        (0, REQUEST, 0, 0, 0),
        (5, DENY, 0, 0, 1),
        (5, OFFER, 0, 0, 0),
        (5, REQUEST, 0, 0, 1),
        (10, DENY, 0, 0, 1),
        (10, OFFER, 0, 0, 0),
        (10, REQUEST, 0, 0, 2),
    ]


def test_a_denial_is_a_wake_up_and_dispatches_its_site():
    """Job 0 is denied at 5 and goes to site 1 then; job 1 (held at 1) is offered in the pass at 5, and asks."""
    sites = [site(1, start_up=always(7), grants=[(1, 0)], denial=5), site(1)]
    small = world([job(0, 1, 10), job(1, 1, 10)], sites, pass_size=9)
    result = run(small, lambda number, attempt, legal: ((0, 1), (2, 0))[number][attempt], 6)
    assert of_kind(result.log, REQUEST, START) == [(0, REQUEST, 0, 0, 0), (5, REQUEST, 1, 0, 0), (5, START, 0, 1, 1)]


def test_the_chance_of_a_grant_is_interpolated_between_points():
    """900 up to 4 accelerators, 100 from 8 on, 200 less for each one between; thirds are rounded down in the loss.

    From (1, 1000) to (4, 0) the losses are 333 and 666. Without points everything is granted.
    """

    def chances(points, gangs):
        small = world([job(0, gang, 1) for gang in gangs], [site(99, grants=points)])
        return [chance(State(small), number, 0) for number in range(len(gangs))]

    assert chances([(4, 900), (8, 100)], [1, 4, 5, 6, 8, 9]) == [900, 900, 700, 500, 100, 100]
    assert chances([(1, 1000), (4, 0)], [2, 3]) == [667, 334]
    assert chances([(2, 70)], [1, 2, 3]) == [70, 70, 70]
    assert chances([(2, 800), (4, 600), (8, 200)], [3, 4, 6]) == [700, 600, 400]
    assert chances([], [7]) == [1000]


@pytest.mark.parametrize(("length", "asked"), [(18, 2), (19, None)])
def test_plans_count_on_the_usual_start_up(length, asked):
    """2 accelerators; start-ups take 10 ms, but 4 is what is planned with.

    Job 0 (1 for 20) asks at 0: until 24 by the plan, which is the shadow time of job 1 (2). Job 2 (1) asks at 2 if
    2 + 4 + its length is not beyond.
    """
    sites = [site(2, start_up=always(10), usual_start_up=4)]
    jobs = [job(0, 1, 20), job(1, 2, 10), job(2, 1, length)]
    result = run(world(jobs, sites, dispatch="easy"), first_site, 9)
    assert [row[0] for row in of_kind(result.log, REQUEST) if row[2] == 2] == ([] if asked is None else [asked])


def test_the_requested_end_moves_to_where_the_run_begins():
    """As above, but job 2 comes at 11, when job 0 has begun at 10: until 30 by the plan. 11 + 4 + 15 is not beyond."""
    sites = [site(2, start_up=always(10), usual_start_up=4)]
    jobs = [job(0, 1, 20), job(1, 2, 10), job(11, 1, 15), job(11, 1, 16)]
    result = run(world(jobs, sites, dispatch="easy"), first_site, 12)
    assert of_kind(result.log, REQUEST)[1:] == [(11, REQUEST, 2, 0, 0)]


def test_a_starting_job_is_evicted_without_loss_and_its_request_is_gone():
    """The site falls to 0 at 5 and is back at 6, which is known. Job 0 asks at 0 and at 6; it starts at 16."""
    sites = [site(1, start_up=always(10), steps=[(5, 0, 5), (6, 1, 0)])]
    result = run(world([job(0, 1, 3)], sites), first_site, 99)
    assert of_kind(result.log, REQUEST, EVICT, START) == [
        (0, REQUEST, 0, 0, 0),
        (5, EVICT, 0, 0, 0),
        (6, REQUEST, 0, 0, 1),
        (16, START, 0, 0, 1),
    ]


def test_a_loss_comes_before_an_outcome_of_the_same_instant():
    """The capacity falls to 0 at 10, when the request of job 0 would be granted: evicted, not started."""
    result = run(world([job(0, 1, 3)], [site(1, start_up=always(10), steps=[(10, 0, 10)])]), first_site, 99)
    assert of_kind(result.log, EVICT, START) == [(10, EVICT, 0, 0, 0)]


# Preemption


def test_the_least_urgent_is_preempted_first_then_the_latest_start_then_the_largest_id():
    """4 accelerators: job 0 (priority 1), 1 and 2 (priority 0) since 0, job 3 (priority 0) since 2.

    At 10 job 4 (priority 2, gang 3) comes: 3, then 2, then 1. It runs until 15; then 1, 2, 3 run again in job order.
    """
    jobs = [job(0, 1, 99, priority=1), job(0, 1, 99), job(0, 1, 99), job(2, 1, 99), job(10, 3, 5, priority=2)]
    result = run(world(jobs, [site(4)], classes=ANYBODY, preempt_after=1), first_site, 16)
    assert of_kind(result.log, PREEMPT, START)[4:] == [
        (10, PREEMPT, 3, 0, 8),
        (10, PREEMPT, 2, 0, 10),
        (10, PREEMPT, 1, 0, 10),
        (10, START, 4, 0, 3),
        (15, START, 1, 0, 1),
        (15, START, 2, 0, 1),
        (15, START, 3, 0, 1),
    ]


@pytest.mark.parametrize(
    ("other", "after"),
    [({"priority": 1}, 5), ({"cls": 1}, 5), ({}, 11), ({"arrival": 6}, 5)],
    ids=["as urgent", "not preemptible", "too short", "younger"],
)
def test_some_are_not_preempted(other, after):
    """Job 0 has the only accelerator when job 1 (priority 1) comes at 10."""
    first = job(**{"arrival": 0, "gang": 1, "walltime": 99, **other})
    sites = [site(1, speed=[1000, 1000])]
    small = world([first, job(10, 1, 5, priority=1)], sites, classes=[*ANYBODY, JobClass(0)], preempt_after=after)
    result = run(small, first_site, 50)
    assert of_kind(result.log, PREEMPT) == []


def test_nobody_is_preempted_for_one_who_could_not_start_then():
    """The site falls to 1 at 20, which is known. Job 1 (gang 2 for 15) would meet that; job 2 (gang 2 for 10) not."""
    jobs = [job(0, 1, 99), job(10, 2, 15, priority=1), job(10, 2, 10, priority=2)]
    sites = [site(2, steps=[(20, 1, 0)])]
    for other, expected in ((1, []), (2, [(10, PREEMPT, 0, 0, 10)])):
        result = run(world([jobs[0], jobs[other]], sites, classes=ANYBODY, preempt_after=1), first_site, 15)
        assert of_kind(result.log, PREEMPT) == expected


def test_starting_jobs_are_not_preempted():
    """Job 0 asks at 0 and runs from 10 on; job 1 comes at 5, and waits: a start is no dispatch. Job 2 comes at 20."""
    jobs = [job(0, 1, 99), job(5, 1, 9, priority=1), job(20, 1, 9)]
    small = world(jobs, [site(1, start_up=always(10))], classes=ANYBODY, preempt_after=1)
    assert of_kind(run(small, first_site, 50).log, PREEMPT, REQUEST, START)[:4] == [
        (0, REQUEST, 0, 0, 0),
        (10, START, 0, 0, 1),
        (20, PREEMPT, 0, 0, 10),
        (20, REQUEST, 1, 0, 0),
    ]


def test_a_victim_that_finds_room_starts_again_at_once():
    """Of 4, job 0 has 3 since 0 and job 1 has 1 since 1. Job 2 (priority 1, gang 3) preempts 1, then 0.

    Job 0 is blocked then, and job 1 is backfilled: beside job 0 it will have room.
    """
    jobs = [job(0, 3, 99), job(1, 1, 99), job(10, 3, 50, priority=1)]
    result = run(world(jobs, [site(4)], classes=ANYBODY, preempt_after=1, dispatch="easy"), first_site, 11)
    assert of_kind(result.log, PREEMPT, START)[2:] == [
        (10, PREEMPT, 1, 0, 9),
        (10, PREEMPT, 0, 0, 10),
        (10, START, 2, 0, 3),
        (10, START, 1, 0, 1),
    ]


def test_a_preempted_job_is_not_fresh_and_its_hold_begins_anew():
    """Job 0 is preempted at 10 and offered by the pass at 20, not at 10. `max_hold` is 11: it has waited 10."""
    legal_at = {}

    def choose(number, attempt, legal):
        legal_at[number, attempt] = list(legal)
        return 0

    jobs = [job(0, 1, 99), job(10, 1, 50, priority=1)]
    small = world(
        jobs, [site(1)], classes=ANYBODY, preempt_after=1, pass_size=9, offer_interval=10, max_hold=11, reoffer_gap=1
    )
    run(small, choose, 31)
    assert legal_at == {(0, 0): [True, True], (1, 0): [True, True], (0, 1): [True, True], (0, 2): [True, False]}


def test_a_preemption_that_spends_the_budget_still_lets_its_dispatch_end():
    """The budget is 50 µ$. Job 0 (gang 2, 20 µ$ at 10) is preempted for job 1 (gang 1) and pays 2 × 90 more.

    Job 1 starts at site 0, and job 2 behind it; at site 1, which is dispatched later, job 3 does not.
    """
    jobs = [job(0, 2, 99), *(job(10, 1, 5, priority=1) for _ in range(3))]
    sites = [site(2, increment=100), site(1)]
    small = world(jobs, sites, providers=[burst(budget=50)], classes=ANYBODY, preempt_after=1)
    result = run(small, lambda number, attempt, legal: (0, 0, 0, 1)[number], 11)
    assert of_kind(result.log, PREEMPT, START)[1:] == [
        (10, PREEMPT, 0, 0, 10),
        (10, START, 1, 0, 1),
        (10, START, 2, 0, 1),
    ]
