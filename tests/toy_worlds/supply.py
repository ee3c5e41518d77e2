"""Capacity that comes, slips, is recalled, or goes with seconds of notice (rules, sections 2 to 5)."""

from ..reference.world import JobClass
from .notation import DOLLAR, HOUR, MINUTE, SECOND, Toy, dollars, job, rows, site, world


def a_tranche_that_slips_is_a_promise_withdrawn_and_a_later_step() -> Toy:
    """Section 2: "So a tranche that slips is a promise withdrawn and a later step."

    4 accelerators; 4 more are promised for 2 h. At 1 h the promise is withdrawn, and the tranche announced for 5 h.
    Head 0 (8, 1 h) is promised 2 h. Job 1 (4, 3 h) would end at 3 h, and 8 + 4 is more than the 8 of 2 h: it waits.
    From 1 h on the head is promised 5 h; job 1 would end at 4 h, and starts.
    """
    sites = [site(4, steps=[(2 * HOUR, 8, 0, HOUR), (5 * HOUR, 8, HOUR, None)])]
    return Toy(
        world([job(0, 8, HOUR), job(0, 4, 3 * HOUR)], sites, dispatch="easy"),
        until=7 * HOUR,
        expected=rows("""
            0     ARRIVE    0  -  8
            0     ARRIVE    1  -  4
            0     OFFER     0  0  0
            0     OFFER     1  0  0
            1h    WITHDRAW  -  0  8    # by (site, at): the step of 2 h before that of 5 h
            1h    ANNOUNCE  -  0  8
            1h    START     1  0  4
            4h    FINISH    1  0  4
            5h    CAPACITY  -  0  8
            5h    START     0  0  8
            6h    FINISH    0  0  8
        """),
    )


def a_promise_may_be_withdrawn_at_its_own_instant() -> Toy:
    """Section 2: "it is known from `announced` until the instant `withdrawn`, and never happens."

    Announced at 1 h for 2 h, withdrawn at 2 h: until then head 0 (8, 1 h) holds job 1 (4, 2 h) back, which would end at
    3 h. At 2 h nothing more is known of the head's start, and job 1 starts. At 4 h it finishes, and 8 come by surprise.
    """
    sites = [site(4, steps=[(2 * HOUR, 8, HOUR, 2 * HOUR), (4 * HOUR, 8, 4 * HOUR, None)])]
    return Toy(
        world([job(HOUR, 8, HOUR), job(HOUR, 4, 2 * HOUR)], sites, dispatch="easy"),
        until=6 * HOUR,
        expected=rows("""
            1h    ANNOUNCE  -  0  8
            1h    ARRIVE    0  -  8
            1h    ARRIVE    1  -  4
            1h    OFFER     0  0  0
            1h    OFFER     1  0  0
            2h    WITHDRAW  -  0  8
            2h    START     1  0  4
            4h    FINISH    1  0  4
            4h    CAPACITY  -  0  8
            4h    START     0  0  8
            5h    FINISH    0  0  8
        """),
    )


def a_recall_that_is_called_off_holds_nobody_back_any_more() -> Toy:
    """Section 2: "A step with a `withdrawn` … is a *promise* that is not kept", of less capacity too.

    Everything should go at 2 h. Job 0 (3 h) would be caught and does not start, until that is withdrawn at 1 h.
    """
    sites = [site(4, steps=[(2 * HOUR, 0, 0, HOUR)])]
    return Toy(
        world([job(0, 4, 3 * HOUR)], sites),
        until=5 * HOUR,
        expected=rows("""
            0   ARRIVE    0  -  4
            0   OFFER     0  0  0
            1h  WITHDRAW  -  0  0
            1h  START     0  0  4
            4h  FINISH    0  0  4
        """),
    )


def a_promise_alone_suits_nobody() -> Toy:
    """Section 2: a site suits when the accelerators "do not exceed the largest capacity the site has now or at any
    later step that happens".

    The promise of 8 is known, but will not be kept: job 0 (8 for 1 h requested; it would run 3 h) is written off. At $2
    that is $16, and $16 more for waiting 2 h at $1.
    """
    sites = [site(4, price=2 * DOLLAR, steps=[(2 * HOUR, 8, 0, HOUR)])]
    classes = [JobClass(dollars(1))]
    return Toy(
        world([job(0, 8, 3 * HOUR, HOUR)], sites, classes=classes, max_hold=2 * HOUR),
        until=3 * HOUR,
        expected=rows("""
            0     ARRIVE     0  -          8
            0     WRITE_OFF  0  -          $32
            0     POST       0  WRITE_OFF  $32
            1h    WITHDRAW   -  0          8
        """),
        totals={"write_off": dollars(32), "delay": 0, "avoidable": dollars(32), "bill": dollars(32)},
    )


def a_site_is_no_longer_legal_once_its_promise_is_withdrawn() -> Toy:
    """Section 4: "the larger of the present capacity and the capacities of steps and promises that are known and still
    to come".

    At 0 the promise of 8 makes site 0 legal for job 0 (8); it is queued. At 1 h the promise is gone and nobody knows of
    the step of 5 h: asked for site 0, the pass holds the job. At 5 h the 8 are there.
    """
    sites = [site(4, steps=[(2 * HOUR, 8, 0, HOUR), (5 * HOUR, 8, 5 * HOUR, None)])]
    return Toy(
        world([job(0, 8, HOUR)], sites, pass_size=1),
        until=7 * HOUR,
        expected=rows("""
            0     ARRIVE    0  -  8
            0     OFFER     0  0  0
            1h    WITHDRAW  -  0  8
            1h    OFFER     0  1  0    # 1 is hold
            5h    CAPACITY  -  0  8
            5h    OFFER     0  0  0
            5h    START     0  0  8
            6h    FINISH    0  0  8
        """),
    )


def a_recall_starts_nobody_who_would_not_fit_and_evicts_who_is_caught() -> Toy:
    """Section 5: "n <= planned_free(s) at every known step or promise s with now < s < now + r"; section 6: "Ended
    early".

    12 accelerators fall to 4 at 4 h; it is announced at 2 h. Jobs 0 and 1 (4, 5 h) run since 0. At 2:30, 4 are free:
    job 2 (4, 2 h) would be there at 4 h, where −4 are free: it does not start, and is promised 5 h. Job 3 (4, 1 h) ends
    before. At 4 h one must go: same priority, same start, so the larger id, job 1. Of its 4 h, 3 h are saved (a
    checkpoint every 90 min). At site 1 it restarts for 15 min and works its other 2 h. Job 2 starts when job 0 has
    finished.
    """
    sites = [site(12, steps=[(4 * HOUR, 4, 2 * HOUR, None)]), site(4, provider=1)]
    jobs = [job(0, 4, 5 * HOUR), job(0, 4, 5 * HOUR)]
    jobs += [job(150 * MINUTE, 4, 2 * HOUR), job(150 * MINUTE, 4, HOUR)]
    classes = [JobClass(0, checkpoint=90 * MINUTE, restart=15 * MINUTE)]
    return Toy(
        world(jobs, sites, classes=classes, dispatch="easy"),
        until=8 * HOUR,
        actions={1: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -  4
            0      ARRIVE    1  -  4
            0      OFFER     0  0  0
            0      OFFER     1  0  0
            0      START     0  0  4
            0      START     1  0  4
            2h     ANNOUNCE  -  0  4
            2h30m  ARRIVE    2  -  4
            2h30m  ARRIVE    3  -  4
            2h30m  OFFER     2  0  0
            2h30m  OFFER     3  0  0
            2h30m  START     3  0  4
            3h30m  FINISH    3  0  4
            4h     CAPACITY  -  0  4
            4h     EVICT     1  0  1h
            4h     OFFER     1  1  1
            4h     START     1  1  4
            5h     FINISH    0  0  4
            5h     START     2  0  4
            6h15m  FINISH    1  1  4
            7h     FINISH    2  0  4
        """),
    )


def spot_capacity_goes_with_seconds_of_notice() -> Toy:
    """Section 2: "A step with `announced < at` is *announced*: routers and dispatch know it from the instant
    `announced` on".

    4 accelerators go at 1 h, announced 30 s before. 20 s before, job 1 (1, 10 min) cannot start any more, and no
    reservation can be made for it; job 2 (1, 20 s) ends exactly at 1 h, and can. At 1 h it finishes before the loss;
    job 0, without a checkpoint, loses its hour, and both that wait are offered: one is fresh, the other is of the pass.
    """
    sites = [site(4, steps=[(HOUR, 0, HOUR - 30 * SECOND, None)]), site(4, provider=1)]
    late = HOUR - 20 * SECOND
    jobs = [job(0, 2, 2 * HOUR), job(late, 1, 10 * MINUTE), job(late, 1, 20 * SECOND)]
    return Toy(
        world(jobs, sites, dispatch="easy", pass_size=1),
        until=4 * HOUR,
        actions={0: [0, 1], 1: [0, 1]},
        expected=rows("""
            0       ARRIVE    0  -  2
            0       OFFER     0  0  0
            0       START     0  0  2
            59m30s  ANNOUNCE  -  0  0
            59m40s  ARRIVE    1  -  1
            59m40s  ARRIVE    2  -  1
            59m40s  OFFER     1  0  0
            59m40s  OFFER     2  0  0
            59m40s  START     2  0  1
            1h      FINISH    2  0  1
            1h      CAPACITY  -  0  0
            1h      EVICT     0  0  1h
            1h      OFFER     0  1  1
            1h      OFFER     1  1  1
            1h      START     0  1  2
            1h      START     1  1  1
            1h10m   FINISH    1  1  1
            3h      FINISH    0  1  2
        """),
    )


def a_recall_after_the_heads_reservation_holds_no_candidate_back() -> Toy:
    """Section 5: "at every known step or promise t with shadow time < t < min(shadow time + r, now + q)".

    6 accelerators, 3 from 10 h on. Job 0 (4) runs until 2 h; head 1 (5) is promised 2 h to 3 h. Job 2 (1) runs until 12
    h. At 2 h there are 5 + 1; that there are only 3 at 10 h does not touch the head.
    """
    return Toy(
        world(
            [job(0, 4, 2 * HOUR), job(0, 5, HOUR), job(0, 1, 12 * HOUR)],
            [site(6, steps=[(10 * HOUR, 3, 0, None)])],
            dispatch="easy",
        ),
        until=4 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  4
            0   ARRIVE  1  -  5
            0   ARRIVE  2  -  1
            0   OFFER   0  0  0
            0   OFFER   1  0  0
            0   OFFER   2  0  0
            0   START   0  0  4
            0   START   2  0  1
            2h  FINISH  0  0  4
            2h  START   1  0  5
            3h  FINISH  1  0  5
        """),
    )


def a_candidate_that_has_ended_by_a_recall_leaves_the_head_what_it_needs() -> Toy:
    """Section 5, as above. 6 accelerators, 5 from 5 h on. Job 0 (4) runs until 2 h; head 1 (5) is promised 2 h to 12 h.
    At 5 h the head needs all that there is, but job 2 (1) has ended at 3 h.
    """
    return Toy(
        world(
            [job(0, 4, 2 * HOUR), job(0, 5, 10 * HOUR), job(0, 1, 3 * HOUR)],
            [site(6, steps=[(5 * HOUR, 5, 0, None)])],
            dispatch="easy",
        ),
        until=4 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  4
            0   ARRIVE  1  -  5
            0   ARRIVE  2  -  1
            0   OFFER   0  0  0
            0   OFFER   1  0  0
            0   OFFER   2  0  0
            0   START   0  0  4
            0   START   2  0  1
            2h  FINISH  0  0  4
            2h  START   1  0  5
            3h  FINISH  2  0  1
        """),
    )
