"""Sections 6 and 7 of the rules in worlds worked by hand. One accelerator-ms costs 1 µ$, a minute 60,000."""

from .reference.log import OFFER, POST, START
from .reference.simulator import run
from .reference.toys import UNIT, burst, committed, first_site, hold, job, of_kind, site, world
from .reference.world import JobClass

MINUTE = 60_000
FEE, OVERAGE, BURST, USED, UNUSED, DELAY, WRITTEN_OFF, SHORTFALL = range(8)


def posted(result):
    """(time, subject, account, amount) of each posting."""
    return [(row[0], *row[2:]) for row in of_kind(result.log, POST)]


def test_a_price_step_splits_the_meter():
    """Job 0 has 2 from 0 to 30. At 10 the price doubles: 20 µ$ are posted; until 30, 40 × 2 = 80 more accrue."""
    small = world([job(0, 2, 30)], [site(2, price_steps=[(10, 2 * UNIT)])])
    result = run(small, first_site, 40)
    assert posted(result) == [(10, 0, BURST, 20)]
    assert (result.totals.burst, result.totals.avoidable, result.totals.bill) == (100, 100, 100)


def test_the_price_step_comes_before_the_settlement_of_the_same_instant():
    """Both at minute 1: the use is posted once, at the old price; the settlement finds nothing."""
    small = world([job(0, 1, MINUTE)], [site(1, price_steps=[(MINUTE, 9 * UNIT)])], period=MINUTE)
    assert posted(run(small, first_site, MINUTE + 1)) == [(MINUTE, 0, BURST, MINUTE)]


def test_a_spent_budget_starts_nothing_and_is_not_legal_until_the_period_ends():
    """The budget is 40 µ$ a minute. Job 0 (4 for 10 ms) spends it exactly; job 1 is queued and does not start at 10.

    Job 2 arrives at 20: the site is not legal, and it is held. When the period ends, job 1 starts; nobody is offered
    again without a pass. Job 3, a ms later, is offered with 1 µ$ spent and waits in the queue.
    """
    jobs = [job(0, 4, 10), job(5, 1, 10), job(20, 1, 10), job(MINUTE + 1, 4, 10)]
    small = world(jobs, [site(4)], providers=[burst(budget=40)], period=MINUTE)
    result = run(small, first_site, MINUTE + 30)
    assert result.start == {0: 0, 1: MINUTE, 3: MINUTE + 10}
    assert (20, OFFER, 2, 1, 0) in result.log


def test_a_running_job_goes_on_beyond_the_budget():
    """The budget is 5 µ$; job 0 spends 10."""
    result = run(world([job(0, 1, 10)], [site(1)], providers=[burst(budget=5)]), first_site, 20)
    assert result.totals.burst == 10


def test_a_budget_counts_what_was_posted_in_the_period_and_the_running_meters():
    """The budget is 30. 10 µ$ are posted by the price step at 10, and 2 × 10 more have accrued at 20: spent."""
    jobs = [job(0, 1, 99), job(19, 1, 10), job(20, 1, 10)]
    sites = [site(3, price_steps=[(10, 2 * UNIT)])]
    result = run(world(jobs, sites, providers=[burst(budget=30)]), first_site, 21)
    assert of_kind(result.log, START) == [(0, START, 0, 0, 1), (19, START, 1, 0, 1)]
    assert result.log[-1] == (20, OFFER, 2, 1, 0)


def test_a_floor_of_money_is_paid_and_split_into_used_and_unused():
    """Period of a minute, floor 50,000, overage 1,500 permille; 1 accelerator is used for 40 s, then for two minutes.

    Minute 1: drawn 40,000: fee 50,000, used 40,000, unused 10,000. Minute 2: drawn 60,000: fee 50,000, overage
    15,000, used 50,000. The job that runs on is metered in each period for its part.
    """
    jobs = [job(0, 1, 40_000), job(MINUTE, 1, 2 * MINUTE)]
    small = world(jobs, [site(1)], providers=[committed(floor_money=50_000, overage=1500)], period=MINUTE)
    result = run(small, first_site, 2 * MINUTE + 1)
    assert posted(result) == [
        (MINUTE, 0, FEE, 50_000),
        (MINUTE, 0, USED, 40_000),
        (MINUTE, 0, UNUSED, 10_000),
        (2 * MINUTE, 0, FEE, 50_000),
        (2 * MINUTE, 0, OVERAGE, 15_000),
        (2 * MINUTE, 0, USED, 50_000),
    ]


def test_a_floor_of_a_share_follows_the_delivered_capacity():
    """800 permille of 2 accelerators for 30 s and 4 for 30 s, 180,000 accelerator-ms: 144,000. Nothing is used."""
    sites = [site(2, steps=[(30_000, 4, 0)])]
    small = world([job(2 * MINUTE, 1, 1)], sites, providers=[committed(floor_share=800)], period=MINUTE)
    assert posted(run(small, first_site, MINUTE + 1)) == [(MINUTE, 0, FEE, 144_000), (MINUTE, 0, UNUSED, 144_000)]


def test_use_before_time_0_counts_in_the_running_period():
    """The period of two minutes began a minute ago, with 1 of 2 accelerators in use; nothing runs afterwards.

    The floor is half of what is delivered, 240,000; drawn are 60,000. At time 0 half of each has accrued.
    """
    before = {"first_period": -MINUTE, "period": 2 * MINUTE, "used_before": [MINUTE], "delivered_before": [2 * MINUTE]}
    small = world([job(9 * MINUTE, 1, 1)], [site(2)], providers=[committed(floor_share=500)], **before)
    assert run(small, first_site, 0).totals.floors == 60_000
    assert posted(run(small, first_site, MINUTE + 1)) == [
        (MINUTE, 0, FEE, 120_000),
        (MINUTE, 0, USED, 60_000),
        (MINUTE, 0, UNUSED, 60_000),
    ]


def test_a_floor_accrues_by_whole_minutes_and_overage_may_fall_again():
    """100,001 µ$ for three minutes; 1 accelerator works from 0 to 1:30.

    At 0:59.999 nothing of the floor has accrued, and 59,999 are overage. At 1:00 a third has, 33,333 (the remainder
    2 × 1 // 3 is 0), and the overage is 26,667. At 2:59 two thirds have, 66,667 (2 × 2 // 3 = 1), and the overage
    is 23,333. At the end the floor is whole, and there is no overage at all.
    """
    provider = committed(floor_money=100_001, overage=1000)
    small = world([job(0, 1, 90_000)], [site(1)], providers=[provider], period=3 * MINUTE)
    accrued = [run(small, first_site, at).totals for at in (59_999, MINUTE, 179_000, 180_000, 180_001)]
    assert [totals.floors for totals in accrued] == [0, 33_333, 66_667, 100_001, 100_001]
    assert [totals.overage for totals in accrued] == [59_999, 26_667, 23_333, 0, 0]
    assert accrued[1].bill == 60_000


def test_delay_is_gang_times_waiting_at_the_rate_of_the_class_and_its_rounding_telescopes():
    """Job 0 (gang 2) is held for the whole time. At a rate of 60 µ$ per hour, 1 µ$ is 60 s of one accelerator.

    In periods of a minute 2 µ$ are posted each. At a rate of 45, 1.5 a minute: 1, 2, 1, 2: the cumulative cost grows.
    """
    small = world([job(0, 2, 1)], [site(2)], delay_rates=[60], period=MINUTE, pass_size=1)
    assert posted(run(small, hold, 2 * MINUTE + 1)) == [(MINUTE, 0, DELAY, 2), (2 * MINUTE, 0, DELAY, 2)]
    small.classes = [JobClass(45)]
    assert [row[3] for row in posted(run(small, hold, 4 * MINUTE + 1))] == [1, 2, 1, 2]
    assert run(small, hold, 100_000).totals.delay == 2


def test_queued_and_evicted_jobs_wait_and_running_ones_do_not():
    """1 µ$ per accelerator-ms. Job 0 runs, is evicted at 10, waits to 20 and runs on. Job 1 is queued from 5 to 99."""
    sites = [site(1, steps=[(10, 0, 10), (20, 1, 5)])]
    small = world([job(0, 1, 500), job(5, 1, 1)], sites, delay_rates=[UNIT])
    assert run(small, first_site, 99).totals.delay == 10 + 94


def test_settlement_goes_by_provider_then_class_and_leaves_zeros_out():
    """Provider 0 is burst with sites 0 and 2, provider 1 committed with site 1, which is not used and has no floor.

    Site 0 runs 1, site 2 runs 2 for the minute; two classes wait, of which class 0 costs nothing.
    """
    sites = [site(n + 1, provider=n % 2, speed=[1000, 1000, 1000]) for n in range(3)]
    jobs = [job(0, 1, 2 * MINUTE), job(0, 2, 2 * MINUTE), *(job(0, 1, 1, cls=cls) for cls in (0, 1, 2))]
    small = world(
        jobs, sites, providers=[burst(), committed()], delay_rates=[0, UNIT, 2 * UNIT], period=MINUTE, pass_size=3
    )
    result = run(small, lambda number, attempt, legal: (0, 2, 3, 3, 3)[number], MINUTE + 1)
    assert posted(result) == [
        (MINUTE, 0, BURST, MINUTE),
        (MINUTE, 0, BURST, 2 * MINUTE),
        (MINUTE, 1, DELAY, MINUTE),
        (MINUTE, 2, DELAY, 2 * MINUTE),
    ]


def test_a_job_that_no_site_suits_is_written_off_at_the_highest_present_price():
    """Gang 9 on a site of 4, requested 10 ms (walltime 99). The highest price is 3 since 5; delay is 2 for 100 ms.

    9 × 10 × 3 + 9 × 100 × 2 = 2,070 µ$, posted under its class; it is never offered and never waits.
    """
    sites = [site(4, speed=[1000, 1000]), site(4, speed=[1000, 1000], price_steps=[(5, 3 * UNIT)])]
    small = world([job(8, 9, 99, requested=10, cls=1)], sites, delay_rates=[0, 2 * UNIT], max_hold=100)
    result = run(small, first_site, 20)
    assert result.log[-3:] == [(8, 7, 0, -1, 9), (8, 8, 0, -1, 2_070), (8, 6, 1, WRITTEN_OFF, 2_070)]
    assert result.totals.avoidable == result.totals.write_off == 2_070
    assert result.waiting == {}


def test_a_period_that_begins_at_time_0_does_not_end_there():
    """first_period is 0: the first settlement is at minute 1."""
    small = world([job(0, 1, 1)], [site(1)], providers=[committed(floor_money=7)], period=MINUTE)
    assert {row[0] for row in posted(run(small, first_site, MINUTE + 1))} == {MINUTE}


# Increments


def test_a_run_is_metered_to_the_next_multiple_of_the_increment():
    """Increment 10. Job 0 (gang 2) runs 7 ms and pays 10: 20 µ$. Job 1 runs exactly 10 and pays no more."""
    small = world([job(0, 2, 7), job(20, 1, 10)], [site(2, increment=10)])
    assert run(small, first_site, 7).totals.burst == 14
    assert run(small, first_site, 8).totals.burst == 20
    assert run(small, first_site, 40).totals.burst == 30
    assert [outcome.spent for outcome in run(small, first_site, 40).jobs.values()] == [20, 10]


def test_a_run_that_is_evicted_pays_the_rest_at_the_price_before_the_step_of_that_instant():
    """Evicted at 7, when the price doubles: 10 µ$ are posted. It runs 20 ms from 8 to 28: 40 µ$."""
    sites = [site(1, increment=10, steps=[(7, 0, 7), (8, 1, 0)], price_steps=[(7, 2 * UNIT)])]
    result = run(world([job(0, 1, 20)], sites), first_site, 50)
    assert posted(result) == [(7, 0, BURST, 10)]
    assert result.totals.burst == result.jobs[0].spent == 50


def test_an_increment_counts_towards_the_budget_at_once():
    """The budget is 10 µ$: job 0 runs 7 ms and spends it. Job 1 does not start."""
    small = world([job(0, 1, 7), job(1, 1, 7)], [site(1, increment=10)], providers=[burst(budget=10)])
    assert run(small, first_site, 50).start == {0: 0}


# Take-or-pay


def test_what_is_left_unused_is_carried_into_the_next_period_up_to_a_share_of_the_fee():
    """Floor 60,000 a minute, carry 500 permille. 10 s, then 90 s, then 60 s of one accelerator, then 100 s of it.

    Minute 1: 50,000 unused, 30,000 carried. Minute 2 (2 accelerators for 50 s): drawn 100,000: overage 10,000; nothing
    is unused. Minute 3: drawn 60,000. Minute 4: drawn 80,000: overage 20,000, since nothing was carried.
    """
    minutes = [(1, 10_000), (2, 50_000), (1, 60_000), (2, 40_000)]
    jobs = [job(n * MINUTE, gang, walltime) for n, (gang, walltime) in enumerate(minutes)]
    providers = [committed(floor_money=60_000, carry=500)]
    small = world(jobs, [site(2)], providers=providers, period=MINUTE)
    rows = posted(run(small, first_site, 4 * MINUTE + 1))
    assert [row for row in rows if row[2] == OVERAGE] == [(2 * MINUTE, 0, 1, 10_000), (4 * MINUTE, 0, 1, 20_000)]
    assert run(small, first_site, 2 * MINUTE - 5_000).totals.overage == 100_000 - 30_000  # no floor yet in that minute


def test_a_contract_in_arrears_splits_the_floor_into_fee_and_shortfall():
    """Floor 60,000, 10,000 used: the views are equal."""
    providers = [committed(floor_money=60_000, in_arrears=True)]
    small = world([job(0, 1, 10_000)], [site(1)], providers=providers, period=MINUTE)
    result = run(small, first_site, MINUTE + 1)
    assert posted(result) == [
        (MINUTE, 0, FEE, 10_000),
        (MINUTE, 0, SHORTFALL, 50_000),
        (MINUTE, 0, USED, 10_000),
        (MINUTE, 0, UNUSED, 50_000),
    ]
    assert result.totals.floors == 60_000


def test_a_floor_of_money_is_owed_up_to_the_end_of_the_contract():
    """90,001 for three minutes; the contract ends a minute into the second period.

    That owes 30,000 (and a third of a µ$); the period after it nothing: what is drawn is overage.
    """
    providers = [committed(floor_money=90_001, ends=4 * MINUTE)]
    small = world([job(6 * MINUTE, 1, 5)], [site(1)], providers=providers, period=3 * MINUTE)
    assert posted(run(small, first_site, 9 * MINUTE + 1)) == [
        (3 * MINUTE, 0, FEE, 90_001),
        (3 * MINUTE, 0, UNUSED, 90_001),
        (6 * MINUTE, 0, FEE, 30_000),
        (6 * MINUTE, 0, UNUSED, 30_000),
        (9 * MINUTE, 0, OVERAGE, 5),
    ]
    assert run(small, first_site, 5 * MINUTE).totals.floors == 120_001


def test_a_flat_lease_has_no_overage():
    providers = [committed(floor_money=10, overage=0)]
    small = world([job(0, 1, MINUTE)], [site(1)], providers=providers, period=MINUTE)
    assert posted(run(small, first_site, MINUTE + 1)) == [(MINUTE, 0, FEE, 10), (MINUTE, 0, USED, 10)]


def test_the_kind_of_a_provider_does_not_make_its_contract():
    """A 'committed' provider without a floor is metered; a 'burst' one with a floor is not."""
    providers = [committed(floor_money=None), burst(floor_money=7)]
    small = world([job(0, 1, 5)], [site(1), site(1, provider=1)], providers=providers, period=MINUTE)
    assert [row[1:3] for row in posted(run(small, first_site, MINUTE + 1))] == [(0, BURST), (1, FEE), (1, UNUSED)]


# Cost of a job


def test_the_cost_of_a_job_follows_the_price_and_is_rounded_once_per_run():
    """Gang 2 for 30 ms; the price is 1 µ$ per ms until 10, then 0.25: 2 × (10 + 5) µ$, the running part included."""
    sites = [site(2, price_steps=[(10, UNIT // 4)])]
    small = world([job(0, 2, 30)], sites)
    assert [run(small, first_site, at).jobs[0].spent for at in (10, 11, 30, 40)] == [20, 20, 30, 30]


def test_a_job_costs_nothing_under_take_or_pay():
    small = world([job(0, 2, 30)], [site(2, increment=50)], providers=[committed()])
    assert run(small, first_site, 40).jobs[0].spent == 0
