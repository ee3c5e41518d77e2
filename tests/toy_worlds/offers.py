"""What wakes a pass, what does not, and whom a site suits (rules, sections 2 and 4)."""

from .notation import DOLLAR, HOUR, MINUTE, Toy, always, block, job, metered, rows, site, world


def arrivals_starts_timers_and_failures_wake_nobody() -> Toy:
    """Section 4: "An arrival alone is none, nor is a failure, a timer or a start."

    Job 2 is held. Nothing offers it again: job 0's start at 0:10, the end of block 3 (held too) at 0:12, job 1's
    deadline at 0:15 and failure at 0:20, the arrival of job 4 at 0:25. The price step of 0:30 does; with a pass of one,
    only job 2.
    """
    jobs = [
        job(0, 1, HOUR),
        job(0, 1, HOUR, deadline=15 * MINUTE),
        job(0, 1, HOUR),
        block(0, 1, 12 * MINUTE),
        job(25 * MINUTE, 1, HOUR),
    ]
    sites = [
        site(1, start_up=always(10 * MINUTE)),
        site(1, failure=always(20 * MINUTE), price_steps=[(30 * MINUTE, 2 * DOLLAR)]),
    ]
    return Toy(
        world(jobs, sites, pass_size=1),
        until=35 * MINUTE,
        actions={1: [1], 2: [2], 3: [2]},
        expected=rows("""
            0    ARRIVE   0  -      1
            0    ARRIVE   1  -      1
            0    ARRIVE   2  -      1
            0    ARRIVE   3  -      1
            0    OFFER    0  0      0
            0    OFFER    1  1      1
            0    OFFER    2  2      2
            0    OFFER    3  2      2
            0    REQUEST  0  0      0
            0    START    1  1      1
            10m  START    0  0      1
            12m  EXPIRE   3  -      0
            15m  MISS     1  -      0
            20m  FAIL     1  1      20m
            25m  ARRIVE   4  -      1
            25m  OFFER    4  0      0
            30m  POST     0  BURST  $0.50
            30m  PRICE    -  1      $2
            30m  OFFER    2  2      2
        """),
    )


def every_end_of_a_run_wakes_a_pass() -> Toy:
    """Section 4: "an end of a run, a capacity step, a denial, an announcement or withdrawal".

    Job 2 is held. Job 0 is killed at 1 h, job 1 cancelled at 2 h; at 3 h a promise is announced, at 4 h it is
    withdrawn; at 5 h the request of job 3, made at 4:50, is denied (it is fresh, and both are offered in job order); at
    6 h a step to the same capacity falls, and of the two that wait a pass of one offers job 2.
    """
    late = 290 * MINUTE
    jobs = [job(0, 1, 2 * HOUR, HOUR), job(0, 1, 2 * HOUR, is_cancelled=1), job(0, 1, HOUR), job(late, 1, HOUR)]
    sites = [
        site(2, steps=[(5 * HOUR - 1, 9, 3 * HOUR, 4 * HOUR), (6 * HOUR, 2, 6 * HOUR, None)]),
        site(1, grants=[(1, 0)], denial=10 * MINUTE, start_up=always(MINUTE)),
    ]
    return Toy(
        world(jobs, sites, pass_size=1, kill_overruns=True),
        until=7 * HOUR,
        actions={2: [2], 3: [1, 2]},
        expected=rows("""
            0      ARRIVE    0  -  1
            0      ARRIVE    1  -  1
            0      ARRIVE    2  -  1
            0      OFFER     0  0  0
            0      OFFER     1  0  0
            0      OFFER     2  2  2
            0      START     0  0  1
            0      START     1  0  1
            1h     KILL      0  0  1
            1h     OFFER     2  2  2
            2h     CANCEL    1  0  1
            2h     OFFER     2  2  2
            3h     ANNOUNCE  -  0  9
            3h     OFFER     2  2  2
            4h     WITHDRAW  -  0  9
            4h     OFFER     2  2  2
            4h50m  ARRIVE    3  -  1
            4h50m  OFFER     3  1  1
            4h50m  REQUEST   3  1  0
            5h     DENY      3  1  1
            5h     OFFER     2  2  2
            5h     OFFER     3  2  2
            6h     CAPACITY  -  0  2
            6h     OFFER     2  2  2
        """),
    )


def a_loss_of_capacity_asks_those_too_who_were_asked_just_now() -> Toy:
    """Section 4: "at an instant with a capacity loss … it takes all that it looks at."

    Nobody is offered again within 1 h. Job 1 is held at 0. At 0:20 site 1 gains, and job 1 is not asked; at 0:30 site 1
    loses, though nobody runs there, and it is; at 1:20 site 1 gains, 50 min after that offer; at 1:31, 61 min after.
    """
    minutes = ((20, 3), (30, 2), (80, 3), (91, 4))
    sites = [site(1), site(2, steps=[(at * MINUTE, capacity, at * MINUTE, None) for at, capacity in minutes])]
    return Toy(
        world([job(0, 1, 3 * HOUR), job(0, 1, HOUR)], sites, pass_size=2, reoffer_gap=HOUR),
        until=2 * HOUR,
        actions={1: [2]},
        expected=rows("""
            0      ARRIVE    0  -  1
            0      ARRIVE    1  -  1
            0      OFFER     0  0  0
            0      OFFER     1  2  2
            0      START     0  0  1
            20m    CAPACITY  -  1  3
            30m    CAPACITY  -  1  2
            30m    OFFER     1  2  2
            1h20m  CAPACITY  -  1  3
            1h31m  CAPACITY  -  1  4
            1h31m  OFFER     1  2  2
        """),
    )


def a_site_suits_when_its_provider_has_every_tag_that_is_required() -> Toy:
    """Section 2: "the job's tags are all among the provider's tags".

    Provider 0 has tag 1, provider 1 tags 1, 2 and 4. Job 0 requires 1 and 2: it asks for site 0 and gets site 1, the
    lowest legal one. Job 1 requires 1 and 8, which nobody has both: it is written off at an hour's price.
    """
    jobs = [job(0, 1, HOUR, tags=1 | 2), job(0, 1, HOUR, tags=1 | 8)]
    return Toy(
        world(jobs, [site(1), site(1, provider=1)], providers=[metered(tags=1), metered(tags=1 | 2 | 4)]),
        until=2 * HOUR,
        expected=rows("""
            0   ARRIVE     0  -          1
            0   ARRIVE     1  -          1
            0   WRITE_OFF  1  -          $1
            0   POST       0  WRITE_OFF  $1
            0   OFFER      0  1          0
            0   START      0  1          1
            1h  FINISH     0  1          1
        """),
    )
