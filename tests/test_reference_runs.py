"""Section 6 of the rules in worlds worked by hand: set-up, failures, early ends, and pipelines."""

import pytest

from .reference.log import (
    ARRIVE,
    CANCEL,
    EGRESS,
    EVICT,
    FAIL,
    FINISH,
    KILL,
    OFFER,
    POST,
    PREEMPT,
    READY,
    STAGE,
    START,
    WRITE_OFF,
)
from .reference.quantities import FAILURES, draw, uniform
from .reference.simulator import run
from .reference.toys import always, burst, first_site, job, of_kind, site, world
from .reference.world import JobClass


def two_providers(*rates):
    """Provider 0 and provider 1 with egress rates; 8 Mb/s from 0 to 1 and 4 Mb/s back: 1 and 2 s per MB."""
    return [burst(links=[1, 8], egress_rate=rates[0]), burst(links=[4, 1], egress_rate=rates[1])]


def members(*parents, **others):
    """A pipeline of jobs of one accelerator and 10 ms; the parents of each as a bit set."""
    return [job(0, 1, 10, member=number, parents=bits, **others) for number, bits in enumerate(parents)]


# Set-up


def test_staging_port_and_work_follow_each_other_and_egress_is_paid_when_the_run_begins():
    """3 MB at provider 1 take 6 s; the port takes 50 ms; then 100 ms of work. 3 MB at 2,500 µ$ per GB are 7 µ$."""
    jobs = [job(0, 1, 100, input=3, home=1, silicon=1)]
    small = world(jobs, [site(1)], providers=two_providers(0, 2_500), classes=[JobClass(0, port=50)])
    result = run(small, first_site, 9_000)
    assert result.log[2:] == [
        (0, START, 0, 0, 1),
        (0, STAGE, 0, 1, 3),
        (0, POST, 1, EGRESS, 7),
        (6_150, FINISH, 0, 0, 1),
    ]
    assert (result.totals.egress, result.totals.avoidable) == (7, 6_157)
    assert result.jobs[0].spent == 6_157


def test_data_that_have_come_stay_and_a_restart_is_paid_after_an_early_end():
    """As above; evicted at 1,000 in its set-up (nothing is lost), again at 1,010: port 50, restart 7, work 100."""
    jobs = [job(0, 1, 100, input=3, home=1, silicon=1)]
    sites = [site(1, steps=[(1_000, 0, 1_000), (1_010, 1, 0)])]
    classes = [JobClass(0, port=50, restart=7)]
    result = run(world(jobs, sites, providers=two_providers(0, 0), classes=classes), first_site, 9_000)
    assert of_kind(result.log, START, STAGE, EVICT, FINISH) == [
        (0, START, 0, 0, 1),
        (0, STAGE, 0, 1, 3),
        (1_000, EVICT, 0, 0, 0),
        (1_010, START, 0, 0, 1),
        (1_167, FINISH, 0, 0, 1),
    ]


def test_an_egress_of_nothing_is_staged_but_not_posted():
    """999 MB at 1 µ$ per GB are less than a µ$."""
    jobs = [job(0, 1, 1, input=999, home=1)]
    result = run(world(jobs, [site(1)], providers=two_providers(0, 1)), first_site, 1)
    assert result.log[-1] == (0, STAGE, 0, 1, 999)


def test_data_come_from_one_provider_after_the_other():
    """1 MB from provider 1 at 8 Mb/s, 1 s, and 1 MB from provider 2 at 3 Mb/s, 2,667 ms."""
    providers = [burst(), burst(links=[8, 1, 1]), burst(links=[3, 1, 1])]
    jobs = members(0, 0b1)
    jobs[0].output, jobs[1].input, jobs[1].home = 1, 1, 2
    small = world(jobs, [site(1), site(1, provider=1)], providers=providers)
    result = run(small, lambda number, attempt, legal: (1, 0)[number], 9_000)
    assert of_kind(result.log, STAGE, FINISH) == [
        (10, FINISH, 0, 1, 1),
        (10, STAGE, 1, 1, 1),
        (10, STAGE, 1, 2, 1),
        (10 + 1_000 + 2_667 + 10, FINISH, 1, 0, 1),
    ]


def test_the_planned_length_holds_the_set_up():
    """The site is gone from 1,100 on, which is known: 1,000 ms of staging and 100 of work fit exactly, 101 do not."""
    for length, expected in ((100, {0: 0}), (101, {})):
        jobs = [job(0, 1, length, input=1, home=0)]
        sites = [site(1, provider=1, steps=[(1_100, 0, 0)])]
        assert run(world(jobs, sites, providers=two_providers(0, 0)), first_site, 9).start == expected


def test_partners_exchange_data_when_the_other_runs_at_another_provider():
    """Job 0 begins at provider 0 before its partner. Job 1, at provider 1, takes 4 MB from there: 4 s, 40 µ$.

    They are none of its data: when it is evicted at 5,000 and goes to provider 0 after job 0 has ended, nothing comes.
    """
    jobs = members(0, 0)
    jobs[0].partner, jobs[0].sync, jobs[1].partner, jobs[1].sync = 1, 2, 0, 4
    jobs[1].walltime = jobs[1].requested = 1_500
    sites = [site(1), site(1, provider=1, steps=[(5_000, 0, 5_000)])]
    small = world(jobs, sites, providers=two_providers(10_000, 0))
    result = run(small, lambda number, attempt, legal: (0, 1)[number] if attempt == 0 else 0, 9_000)
    assert of_kind(result.log, START, STAGE, EVICT, POST, FINISH) == [
        (0, START, 0, 0, 1),
        (0, START, 1, 1, 1),
        (0, STAGE, 1, 0, 4),
        (0, POST, 0, EGRESS, 40),
        (10, FINISH, 0, 0, 1),
        (5_000, EVICT, 1, 1, 1_000),
        (5_000, START, 1, 0, 1),
        (6_500, FINISH, 1, 0, 1),
    ]


# Ends


def test_an_overrun_is_killed_only_where_that_is_the_rule():
    """Job 0 asks for 5 and needs 10, at speed 500; job 1 asks for what it needs."""
    jobs = [job(0, 1, 10, 5), job(0, 1, 10)]
    for kills, kind, end in ((True, KILL, 10), (False, FINISH, 20)):
        result = run(world(jobs, [site(2, speed=[500])], kill_overruns=kills), first_site, 30)
        assert of_kind(result.log, FINISH, KILL) == sorted([(end, kind, 0, 0, 1), (20, FINISH, 1, 0, 1)])


def test_a_cancelled_job_runs_its_walltime_and_ends_without_a_result():
    """Job 0 is cancelled at 10, with job 1, its child, and job 2, the child of job 1. Killed comes first."""
    jobs = members(0, 0b1, 0b10)
    jobs[0].is_cancelled = 1
    result = run(world(jobs, [site(1)]), first_site, 30)
    assert of_kind(result.log, CANCEL, READY) == [(10, CANCEL, 0, 0, 1), (10, CANCEL, 1, -1, 0), (10, CANCEL, 2, -1, 0)]
    assert {number: outcome.how for number, outcome in result.jobs.items()} == dict.fromkeys(range(3), "CANCEL")
    jobs[0].requested = 5
    result = run(world(jobs, [site(1)], kill_overruns=True), first_site, 30)
    assert [row[:3] for row in of_kind(result.log, KILL, CANCEL)] == [(5, KILL, 0), (5, CANCEL, 1), (5, CANCEL, 2)]


def test_children_become_ready_when_their_last_parent_finishes():
    """A diamond on two accelerators: 0, then 1 and 2 side by side, then 3; 2 takes 15 ms."""
    jobs = members(0, 0b1, 0b1, 0b110)
    jobs[2].walltime = jobs[2].requested = 15
    result = run(world(jobs, [site(2)]), first_site, 99)
    assert of_kind(result.log, FINISH, READY, START) == [
        (0, START, 0, 0, 1),
        (10, FINISH, 0, 0, 1),
        (10, READY, 1, -1, 1),
        (10, READY, 2, -1, 1),
        (10, START, 1, 0, 1),
        (10, START, 2, 0, 1),
        (20, FINISH, 1, 0, 1),
        (25, FINISH, 2, 0, 1),
        (25, READY, 3, -1, 1),
        (25, START, 3, 0, 1),
        (35, FINISH, 3, 0, 1),
    ]
    assert [outcome.waited for outcome in result.jobs.values()] == [0, 0, 0, 0]


def test_a_child_of_a_finished_and_a_killed_parent_is_cancelled_once():
    """Jobs 0 (finishes at 10) and 1 (killed at 10) are parents of job 2, which is never ready."""
    jobs = members(0, 0, 0b11)
    jobs[1].walltime = 11
    result = run(world(jobs, [site(2)], kill_overruns=True), first_site, 99)
    assert of_kind(result.log, FINISH, KILL, CANCEL, READY) == [
        (10, FINISH, 0, 0, 1),
        (10, KILL, 1, 0, 1),
        (10, CANCEL, 2, -1, 0),
    ]


def test_the_descendants_of_one_that_is_written_off_are_cancelled_as_they_arrive():
    """Job 1 (gang 9) suits nothing; job 2 is its child, job 3 the child of both 0 and 2. Job 4 lives."""
    jobs = members(0, 0, 0b10, 0b101, 0b1)
    jobs[1].gang = 9
    result = run(world(jobs, [site(2)]), first_site, 1)
    assert of_kind(result.log, ARRIVE, WRITE_OFF, CANCEL, OFFER) == [
        (0, ARRIVE, 0, -1, 1),
        (0, ARRIVE, 1, -1, 9),
        (0, WRITE_OFF, 1, -1, 90),
        (0, ARRIVE, 2, -1, 1),
        (0, CANCEL, 2, -1, 0),
        (0, ARRIVE, 3, -1, 1),
        (0, CANCEL, 3, -1, 0),
        (0, ARRIVE, 4, -1, 1),
        (0, OFFER, 0, 0, 0),
    ]
    assert result.pending == {4}


# Failures


def test_a_failure_takes_back_to_the_last_checkpoint():
    """Every 80 ms the site fails; it has one accelerator. Speed 500, checkpoints every 30 ms, restart 10 ms, work 100.

    At 80: 60 of 80 ms are saved, 30 of work: 70 remain from 90 on. At 160: 60 of 70 ms are saved: 40 remain from 170
    on. At 240 the same: 10 remain from 250 on, which take 20 ms.
    """
    small = world(
        [job(0, 1, 100)],
        [site(1, speed=[500], failure=always(80))],
        classes=[JobClass(0, checkpoint=30, restart=10)],
    )
    assert of_kind(run(small, first_site, 300).log, FAIL, FINISH) == [
        (80, FAIL, 0, 0, 20),
        (160, FAIL, 0, 0, 10),
        (240, FAIL, 0, 0, 10),
        (270, FINISH, 0, 0, 1),
    ]


def test_a_failure_in_the_set_up_moves_it_by_the_restart():
    """Port 100, restart 10. At 80, 20 ms of set-up are left: work from 110 on, until 150."""
    small = world(
        [job(0, 1, 40, silicon=1)],
        [site(1, failure=always(80))],
        classes=[JobClass(0, checkpoint=1, restart=10, port=100)],
    )
    assert of_kind(run(small, first_site, 155).log, FAIL, FINISH) == [(80, FAIL, 0, 0, 0), (150, FINISH, 0, 0, 1)]


def test_without_checkpoints_everything_is_lost_and_a_run_that_ends_at_the_failure_is_not_hit():
    """Failures every 80 ms; work 70, from 20 on because of the port: at 80 all 60 ms are lost. From 80 to 150."""
    jobs = [job(0, 1, 70, silicon=1)]
    small = world(jobs, [site(1, failure=always(80))], classes=[JobClass(0, port=20)])
    assert of_kind(run(small, first_site, 170).log, FAIL, FINISH) == [(80, FAIL, 0, 0, 60), (150, FINISH, 0, 0, 1)]
    small = world([job(0, 1, 80)], [site(1, failure=always(80))])
    assert of_kind(run(small, first_site, 90).log, FAIL, FINISH) == [(80, FINISH, 0, 0, 1)]


def test_a_failure_hits_the_job_that_has_its_position():
    """Job 0 has position 0, job 1 has 1 and 2, job 2 (starts last) has 3; 4 is idle. Nominal are 6, present 5."""
    jobs = [job(0, 1, 9_000), job(0, 2, 9_000), job(1, 1, 9_000)]
    small = world(jobs, [site(5, failure=always(100), steps=[(9_999, 6, 9_999)])], seed=3)
    owners = {0: 0, 1: 1, 2: 1, 3: 2}
    hits = [owners.get(uniform(draw(3, FAILURES, 0, 2 * k + 1), 6)) for k in range(20)]
    assert set(hits) == {0, 1, 2, None}
    expected = [(100 * (k + 1), hit) for k, hit in enumerate(hits) if hit is not None]
    assert [(row[0], row[2]) for row in of_kind(run(small, first_site, 2_001).log, FAIL)] == expected


def test_a_failure_moves_the_requested_end_but_dispatches_nothing():
    """2 accelerators. Job 0 (1, asks for 100) fails at 50; all is lost, so that it ends at 150.

    Job 1 (2) is blocked from 1 on. Job 2 (1 for 90) comes at 60: with a shadow time of 150 it may run to exactly there.
    """
    jobs = [job(0, 1, 100), job(1, 2, 10), job(60, 1, 90)]
    small = world(jobs, [site(2, failure=always(50))], dispatch="easy")
    assert uniform(draw(0, FAILURES, 0, 1), 2) == 0
    assert run(small, first_site, 99).start[2] == 60


def test_a_job_that_fails_under_the_rule_of_kills_has_its_claim_from_the_last_checkpoint():
    """Needs 100 and asks for 60. Fails at 50: 40 are saved, so 20 are left of its claim, after a restart of 5."""
    small = world(
        [job(0, 1, 100, 60)],
        [site(1, failure=always(50))],
        classes=[JobClass(0, checkpoint=20, restart=5)],
        kill_overruns=True,
    )
    assert of_kind(run(small, first_site, 99).log, FAIL, KILL) == [(50, FAIL, 0, 0, 10), (75, KILL, 0, 0, 1)]


def test_a_claim_does_not_fall_below_one():
    """Needs 100 and asks for 30. Evicted at 50: 40 are saved; it asks for 1 more. So its shadow is short at 60.

    At 61 it has overrun and counts as ending now: job 1 (gang 2) has the shadow time 61, and job 2 (1) would delay it.
    """
    sites = [site(2, steps=[(50, 0, 50), (60, 2, 0)])]
    jobs = [job(0, 1, 100, 30), job(61, 2, 5), job(62, 1, 5)]
    small = world(jobs, sites, classes=[JobClass(0, checkpoint=20)], dispatch="easy")
    assert run(small, first_site, 999).start == {0: 60, 1: 120, 2: 125}


# Ended early


@pytest.mark.parametrize("kind", [EVICT, PREEMPT])
def test_a_job_that_ends_early_goes_on_from_its_checkpoint_elsewhere_and_takes_its_state_along(kind):
    """Work 100, checkpoints every 30: at 70, 10 are lost. Its state, 2 MB, comes to provider 1 in 2 s, once."""
    steps = [(70, 0, 70)] if kind == EVICT else []
    sites = [site(1, steps=steps), site(1, provider=1)]
    jobs = [job(0, 1, 100, snapshot=2), *([] if kind == EVICT else [job(70, 1, 9, priority=1)])]
    small = world(
        jobs,
        sites,
        providers=two_providers(0, 0),
        classes=[JobClass(0, checkpoint=30, restart=5, preemptible=True)],
        preempt_after=1,
        pass_size=9,
        reoffer_gap=1,
        offer_interval=71,
    )
    result = run(small, lambda number, attempt, legal: attempt if legal[attempt] and number == 0 else 0, 9_000)
    again = 70 if kind == EVICT else 71
    assert of_kind(result.log, kind, STAGE) == [(70, kind, 0, 0, 10), (again, STAGE, 0, 0, 2)]
    assert (again + 2_005 + 40, FINISH, 0, 1, 1) in result.log


def test_the_credit_of_a_failure_is_reason_enough_to_take_the_state_along():
    """Checkpoints every 30. Fails at 40 (30 saved), is evicted at 50 with nothing more; 2 MB go to provider 1."""
    sites = [site(1, steps=[(50, 0, 50)], failure=always(40)), site(1, provider=1)]
    small = world(
        [job(0, 1, 100, snapshot=2)], sites, providers=two_providers(0, 0), classes=[JobClass(0, checkpoint=30)]
    )
    result = run(small, lambda number, attempt, legal: attempt, 9_000)
    assert of_kind(result.log, FAIL, EVICT, STAGE, FINISH) == [
        (40, FAIL, 0, 0, 10),
        (50, EVICT, 0, 0, 10),
        (50, STAGE, 0, 0, 2),
        (50 + 2_000 + 70, FINISH, 0, 1, 1),
    ]


def test_without_progress_no_state_goes_along():
    """Evicted at 20, before the first checkpoint at 30."""
    sites = [site(1, steps=[(20, 0, 20)]), site(1, provider=1)]
    small = world(
        [job(0, 1, 100, snapshot=2)], sites, providers=two_providers(0, 0), classes=[JobClass(0, checkpoint=30)]
    )
    result = run(small, lambda number, attempt, legal: attempt, 9_000)
    assert of_kind(result.log, EVICT, STAGE, FINISH) == [(20, EVICT, 0, 0, 20), (120, FINISH, 0, 1, 1)]
