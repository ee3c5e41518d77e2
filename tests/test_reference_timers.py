"""Sections 2, 6 and 8 of the rules in worlds worked by hand: deadlines, blocks of serving, and promises."""

from .reference.log import (
    ANNOUNCE,
    ARRIVE,
    CANCEL,
    CAPACITY,
    EVICT,
    EXPIRE,
    FAIL,
    FINISH,
    MISS,
    OFFER,
    PENALTY,
    POST,
    REQUEST,
    START,
    WITHDRAW,
    WRITE_OFF,
)
from .reference.simulator import run
from .reference.toys import UNIT, always, burst, first_site, hold, job, of_kind, site, world
from .reference.world import JobClass

# Deadlines


def test_a_missed_deadline_costs_its_penalty_wherever_the_job_is():
    """Deadlines at 15. Job 0 runs until 20, job 1 waits, job 2 is pending. Each is posted under class 0, at once."""
    jobs = [job(0, 1, 20, deadline=15, penalty=7), job(0, 1, 20, deadline=15), job(0, 1, 20, deadline=15, penalty=9)]
    jobs[2].member, jobs[2].parents = 1, 1
    result = run(world(jobs, [site(1)]), first_site, 16)
    assert [row for row in result.log if row[0] == 15] == [
        (15, MISS, 0, -1, 7),
        (15, POST, 0, PENALTY, 7),
        (15, MISS, 1, -1, 0),
        (15, MISS, 2, -1, 9),
        (15, POST, 0, PENALTY, 9),
    ]
    assert (result.totals.penalty, result.totals.avoidable) == (16, 16 + 16)
    assert result.jobs[0].penalty == 7


def test_a_job_that_ends_at_its_deadline_has_met_it():
    """Job 0 finishes at 10, job 1 is cancelled at 10: both have left. Job 2, whose parent that is, has left with it."""
    jobs = [job(0, 1, 10, deadline=10), job(0, 1, 10, deadline=10, is_cancelled=1), job(0, 1, 10, deadline=10)]
    jobs[2].member, jobs[2].parents = 1, 1
    assert of_kind(run(world(jobs, [site(2)]), first_site, 20).log, MISS) == []


# Blocks


def test_a_block_runs_until_its_end_and_serves_nothing_while_it_is_set_up():
    """Gang 2 from 5 to 100, whatever its walltime; the port takes 30 ms. It waits 0, its class 60; 190 ms of use."""
    small = world(
        [job(5, 2, 1, until=100, silicon=1)], [site(2)], classes=[JobClass(UNIT, port=30)], delay_rates=[UNIT]
    )
    result = run(small, first_site, 100)
    assert (result.totals.delay, result.totals.burst) == (60, 190)
    assert run(small, first_site, 101).log[2:] == [(5, START, 0, 0, 2), (100, FINISH, 0, 0, 2)]
    assert run(small, first_site, 101).jobs[0].waited == 0


def test_a_set_up_that_is_longer_than_the_block_counts_to_its_end():
    small = world([job(5, 2, 1, until=20, silicon=1)], [site(2)], classes=[JobClass(UNIT, port=30)])
    assert run(small, first_site, 30).totals.delay == 2 * 15


def test_a_block_that_fails_or_is_evicted_loses_nothing_but_time():
    """Restart 10. Fails at 40: 10 more. Evicted at 60, waits until 65, and then restarts: 5 and 10 more."""
    sites = [site(1, failure=always(40), steps=[(60, 0, 60), (65, 1, 0)])]
    small = world([job(0, 1, 1, until=79)], sites, classes=[JobClass(UNIT, restart=10, checkpoint=7)])
    result = run(small, first_site, 80)
    assert of_kind(result.log, FAIL, EVICT, FINISH) == [
        (40, FAIL, 0, 0, 0),
        (60, EVICT, 0, 0, 0),
        (79, FINISH, 0, 0, 1),
    ]
    assert result.totals.delay == 10 + 5 + 10
    assert result.jobs[0].waited == 5


def test_a_failure_just_before_the_end_counts_to_the_end():
    small = world([job(0, 1, 1, until=45)], [site(1, failure=always(40))], classes=[JobClass(UNIT, restart=10)])
    assert run(small, first_site, 50).totals.delay == 5


def test_a_block_that_waits_or_starts_at_its_end_expires():
    """One accelerator. Job 0 starts (for 50 ms) when its block ends at 20; job 1 is queued behind it, job 2 held.

    Job 3, no block, gets what job 0 leaves: the site is touched, though nothing wakes.
    """
    jobs = [*(job(0, 1, 1, until=20) for _ in range(3)), job(0, 1, 5)]
    small = world(jobs, [site(1, start_up=always(50))], pass_size=9)
    result = run(small, lambda number, attempt, legal: 1 if number == 2 else 0, 21)
    assert [row for row in result.log if row[0] == 20] == [
        (20, EXPIRE, 0, 0, 0),
        (20, EXPIRE, 1, 0, 0),
        (20, EXPIRE, 2, -1, 0),
        (20, REQUEST, 3, 0, 0),
    ]
    assert {number: (o.start, o.finish, o.waited, o.how) for number, o in result.jobs.items()} == dict.fromkeys(
        range(3), (None, 20, 20, "EXPIRE")
    )


def test_a_block_that_would_be_granted_at_its_end_expires():
    small = world([job(0, 1, 1, until=20)], [site(1, start_up=always(20))])
    assert [row[1] for row in run(small, first_site, 21).log if row[0] == 20] == [EXPIRE]


def test_a_block_is_planned_until_its_end_however_long_it_waits():
    """2 accelerators until 50, which is known, then 1. A block (2 until 50) may start; one until 51 may not."""
    for until, expected in ((50, {0: 0}), (51, {})):
        small = world([job(0, 2, 999, until=until)], [site(2, steps=[(50, 1, 0)])])
        assert run(small, first_site, 9).start == expected


def test_a_block_may_be_cancelled_at_its_end():
    small = world([job(0, 1, 1, until=20, is_cancelled=1)], [site(1)])
    assert run(small, first_site, 21).log[-1] == (20, CANCEL, 0, 0, 1)


# Promises


def test_a_promise_is_known_until_it_is_withdrawn_and_never_happens():
    """2 are promised at 4 for 30, and withdrawn at 20; they come at 40, announced at 25. Gang 2 is legal meanwhile.

    At 3 and at 20 it is not: hold. (It suits, because of the step at 40.) It starts at 40.
    """
    legal_at = {}

    def choose(number, attempt, legal):
        legal_at[number, attempt] = legal[0]
        return 0

    steps = [(30, 2, 4, 20), (40, 2, 25)]
    jobs = [job(3, 2, 5), job(19, 2, 5), job(20, 2, 5)]
    small = world(jobs, [site(1, steps=steps)], pass_size=9, reoffer_gap=10)
    result = run(small, choose, 41)
    assert of_kind(result.log, ANNOUNCE, CAPACITY, WITHDRAW, START) == [
        (4, ANNOUNCE, -1, 0, 2),
        (20, WITHDRAW, -1, 0, 2),
        (25, ANNOUNCE, -1, 0, 2),
        (40, CAPACITY, -1, 0, 2),
        (40, START, 0, 0, 2),
    ]
    assert {at: legal_at[at] for at in ((0, 0), (1, 0), (2, 0))} == {(0, 0): False, (1, 0): True, (2, 0): False}


def test_a_promise_alone_suits_nobody():
    """Gang 2 is promised for 30 and will not come: written off."""
    result = run(world([job(0, 2, 5)], [site(1, steps=[(30, 2, -1, 30)])]), first_site, 31)
    assert [row[1] for row in result.log if row[2] == 0][:2] == [ARRIVE, WRITE_OFF]
    assert result.log[-1] == (30, WITHDRAW, -1, 0, 2)


def test_a_promised_dip_blocks_until_it_is_withdrawn():
    """The site is promised to fall to 1 at 50. Job 0 (2 for 60) waits until that is withdrawn at 20."""
    small = world([job(0, 2, 60)], [site(2, steps=[(50, 1, 0, 20)])])
    assert run(small, first_site, 99).start == {0: 20}


def test_a_withdrawal_is_a_wake_up():
    """Job 0 is held at 0 and offered again at 20."""
    small = world([job(0, 1, 5)], [site(1, steps=[(50, 1, 0, 20)])], pass_size=1)
    assert [row[0] for row in of_kind(run(small, hold, 30).log, OFFER)] == [0, 20]


def test_a_timer_or_a_failure_is_no_wake_up():
    """Job 0 is held at 0; its deadline is at 10; the site fails every 7 ms."""
    small = world([job(0, 1, 5, deadline=10)], [site(1, failure=always(7))], pass_size=1, providers=[burst()])
    assert [row[0] for row in of_kind(run(small, hold, 30).log, OFFER)] == [0]
