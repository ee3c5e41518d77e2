"""Blocks of serving: late, expired, hit, moved (rules, sections 6 and 8)."""

from ..reference.world import JobClass
from .notation import DOLLAR, HOUR, MINUTE, Toy, always, block, dollars, job, metered, rows, site, world


def a_block_that_starts_late_ends_at_its_until() -> Toy:
    """Section 6: "A block's end and requested end are its `until`; it serves nothing while it is set up".

    Job 0 has the 4 accelerators until 0:30. The block waits for them: 4 × 30 min are 2 h; and for its port of 6 min: 4
    × 6 min are 0.4 h: $7.20 at $3. It ends at 2 h. Both runs are metered, 2 h and 6 h.
    """
    jobs = [job(0, 4, 30 * MINUTE), block(0, 4, 2 * HOUR, silicon=1)]
    return Toy(
        world(jobs, [site(4)], classes=[JobClass(dollars(3), port=6 * MINUTE)], period=3 * HOUR),
        until=3 * HOUR + 1,
        expected=rows("""
            0    ARRIVE  0  -      4
            0    ARRIVE  1  -      4
            0    OFFER   0  0      0
            0    OFFER   1  0      0
            0    START   0  0      4
            30m  FINISH  0  0      4
            30m  START   1  0      4
            2h   FINISH  1  0      4
            3h   POST    0  BURST  $8
            3h   POST    0  DELAY  $7.20
        """),
        totals={"delay": dollars(7.2), "burst": dollars(8)},
    )


def a_set_up_costs_no_more_than_the_block() -> Toy:
    """Section 6: "gang × min(set-up, until − t) is added to what its class has waited, at once."

    The port takes 2 h, the block lasts 1 h: 2 × 1 h at $3, known as soon as it begins; and 2 h of accelerators.
    """
    small = world(
        [block(0, 2, HOUR, silicon=1)], [site(2)], classes=[JobClass(dollars(3), port=2 * HOUR)], period=2 * HOUR
    )
    return Toy(
        small,
        until=2 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -      2
            0   OFFER   0  0      0
            0   START   0  0      2
            1h  FINISH  0  0      2
            2h  POST    0  BURST  $2
            2h  POST    0  DELAY  $6
        """),
    )


def what_a_set_up_adds_is_accrued_at_once() -> Toy:
    """Section 6: "at once". As above, a minute after the start: all $6 have accrued, and 2 min of an accelerator."""
    small = world(
        [block(0, 2, HOUR, silicon=1)], [site(2)], classes=[JobClass(dollars(3), port=2 * HOUR)], period=2 * HOUR
    )
    return Toy(
        small,
        until=MINUTE,
        expected=rows("""
            0  ARRIVE  0  -  2
            0  OFFER   0  0  0
            0  START   0  0  2
        """),
        totals={"delay": dollars(6), "burst": 33_333},
    )


def blocks_that_wait_expire_and_make_room_in_the_queue() -> Toy:
    """Section 8: "An `until` falls on a block that waits or starts: it leaves the world (EXPIRE); its queue is
    touched".

    3 of 4 accelerators are taken. Block 1 (2, until 1 h) heads the queue of site 0, job 2 (1) is behind it; block 3 (1)
    is held until 0:45. At 1 h the head leaves, and job 2 starts. Blocks are of class 1, at $4: 2 h and 45 min, $11.
    """
    jobs = [job(0, 3, 2 * HOUR), block(0, 2, HOUR, cls=1), job(0, 1, 30 * MINUTE), block(0, 1, 45 * MINUTE, cls=1)]
    classes = [JobClass(0), JobClass(dollars(4))]
    return Toy(
        world(jobs, [site(4, speed=[1000, 1000])], classes=classes, pass_size=4, period=3 * HOUR),
        until=3 * HOUR + 1,
        actions={3: [1]},
        expected=rows("""
            0      ARRIVE  0  -      3
            0      ARRIVE  1  -      2
            0      ARRIVE  2  -      1
            0      ARRIVE  3  -      1
            0      OFFER   0  0      0
            0      OFFER   1  0      0
            0      OFFER   2  0      0
            0      OFFER   3  1      1
            0      START   0  0      3
            45m    EXPIRE  3  -      0
            1h     EXPIRE  1  0      0
            1h     START   2  0      1
            1h30m  FINISH  2  0      1
            2h     FINISH  0  0      3
            3h     POST    0  BURST  $6.50
            3h     POST    1  DELAY  $11
        """),
    )


def a_block_that_only_starts_expires_and_frees_its_accelerators() -> Toy:
    """Section 8: "or, if it was starting, its accelerators are free and its site is touched."

    The start-up takes 1 h, the block lasts 30 min. Then job 1 makes its request; no outcome falls at 1 h.
    """
    return Toy(
        world([block(0, 2, 30 * MINUTE), job(0, 2, HOUR)], [site(2, start_up=always(HOUR))]),
        until=3 * HOUR,
        expected=rows("""
            0      ARRIVE   0  -  2
            0      ARRIVE   1  -  2
            0      OFFER    0  0  0
            0      OFFER    1  0  0
            0      REQUEST  0  0  0
            30m    EXPIRE   0  0  0
            30m    REQUEST  1  0  0
            1h30m  START    1  0  2
            2h30m  FINISH   1  0  2
        """),
    )


def a_block_that_is_hit_serves_nothing_while_it_restarts() -> Toy:
    """Section 6: "A block that is hit loses nothing, but gang × min(restart time, until − now) is added".

    Until 2:05; a failure every hour, 10 min to restart. 10 min at 1 h, 5 at 2 h: at $4, $1. 2:05 at $12 are $25.
    """
    sites = [site(1, price=12 * DOLLAR, failure=always(HOUR))]
    classes = [JobClass(dollars(4), restart=10 * MINUTE)]
    return Toy(
        world([block(0, 1, 125 * MINUTE)], sites, classes=classes, period=3 * HOUR),
        until=3 * HOUR + 1,
        expected=rows("""
            0     ARRIVE  0  -      1
            0     OFFER   0  0      0
            0     START   0  0      1
            1h    FAIL    0  0      0
            2h    FAIL    0  0      0
            2h5m  FINISH  0  0      1
            3h    POST    0  BURST  $25
            3h    POST    0  DELAY  $1
        """),
    )


def an_evicted_block_only_loses_its_place() -> Toy:
    """Section 6: "A block only loses its place."

    Evicted at 1 h, it is queued at site 1, which grows at 1:15: 15 min of waiting and 6 min of restart for its 4 are 1
    h and 0.4 h: at $5, $7. It still ends at 2 h: 4 h at provider 0, 3 h at provider 1.
    """
    sites = [
        site(4, steps=[(HOUR, 0, HOUR, None)]),
        site(1, provider=1, steps=[(75 * MINUTE, 4, 0, None)]),
    ]
    classes = [JobClass(dollars(5), restart=6 * MINUTE)]
    return Toy(
        world([block(0, 4, 2 * HOUR)], sites, classes=classes, period=3 * HOUR),
        until=3 * HOUR + 1,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -      4
            0      OFFER     0  0      0
            0      START     0  0      4
            1h     CAPACITY  -  0      0
            1h     EVICT     0  0      0
            1h     OFFER     0  1      1
            1h15m  CAPACITY  -  1      4
            1h15m  START     0  1      4
            2h     FINISH    0  1      4
            3h     POST      0  BURST  $4
            3h     POST      1  BURST  $3
            3h     POST      0  DELAY  $7
        """),
    )


def a_block_is_planned_until_its_end_whatever_its_start_up() -> Toy:
    """Section 5: "that of a block is always its until − now."

    Everything goes at 1 h, which is known. Block 0 ends then and starts, although 30 min of start-up are usual; block 1
    would last a ms longer, is never started, and expires.
    """
    half = 30 * MINUTE
    sites = [site(4, steps=[(HOUR, 0, 0, None)], start_up=always(half), usual_start_up=half)]
    return Toy(
        world([block(0, 2, HOUR), block(0, 2, HOUR + 1)], sites),
        until=2 * HOUR,
        expected=rows("""
            0      ARRIVE    0  -  2
            0      ARRIVE    1  -  2
            0      OFFER     0  0  0
            0      OFFER     1  0  0
            0      REQUEST   0  0  0
            30m    START     0  0  2
            1h     FINISH    0  0  2
            1h     CAPACITY  -  0  0
            1h1ms  EXPIRE    1  0  0
        """),
    )


def a_queued_block_gets_shorter_while_it_waits() -> Toy:
    """Section 5, as above: "always", not as it was when the block was queued.

    Queued at 0 with 2 h before it, the block finds room at 1 h: it will end at 2 h, before everything goes at 2:30, and
    starts. (With the 2 h of its queueing it would be caught.)
    """
    sites = [site(1, steps=[(150 * MINUTE, 0, 0, None)])]
    return Toy(
        world([job(0, 1, HOUR), block(0, 1, 2 * HOUR)], sites),
        until=3 * HOUR,
        expected=rows("""
            0      ARRIVE    0  -  1
            0      ARRIVE    1  -  1
            0      OFFER     0  0  0
            0      OFFER     1  0  0
            0      START     0  0  1
            1h     FINISH    0  0  1
            1h     START     1  0  1
            2h     FINISH    1  0  1
            2h30m  CAPACITY  -  0  0
        """),
    )


def a_preempted_block_waits_in_the_queue_and_still_ends_at_its_until() -> Toy:
    """Section 6: "A block only loses its place", preempted too.

    Job 1 has its 4 accelerators from 1 h to 2 h: 4 h of waiting; 4 × 6 min of restart: 0.4 h. At $5, $22. 12 h of 4 at
    $1.
    """
    classes = [JobClass(dollars(5), restart=6 * MINUTE, preemptible=True)]
    jobs = [block(0, 4, 3 * HOUR), job(HOUR, 4, HOUR, priority=5)]
    return Toy(
        world(jobs, [site(4)], classes=classes, preempt_after=30 * MINUTE, period=4 * HOUR),
        until=4 * HOUR + 1,
        expected=rows("""
            0   ARRIVE   0  -      4
            0   OFFER    0  0      0
            0   START    0  0      4
            1h  ARRIVE   1  -      4
            1h  OFFER    1  0      0
            1h  PREEMPT  0  0      0
            1h  START    1  0      4
            2h  FINISH   1  0      4
            2h  START    0  0      4
            3h  FINISH   0  0      4
            4h  POST     0  BURST  $12
            4h  POST     0  DELAY  $22
        """),
    )


def what_an_unfinished_set_up_has_added_is_not_taken_back() -> Toy:
    """Section 6: "is added to what its class has waited, at once."

    The port takes 1 h; evicted after 30 min, the block has waited 1 h for it all the same. It is held until 1 h, when
    the site is back: 30 min. Then 6 min of restart and the port again: 66 min. 156 min at $5 are $13. It ran for 2:30.
    """
    half = 30 * MINUTE
    sites = [site(1, steps=[(half, 0, half, None), (HOUR, 1, HOUR, None)])]
    classes = [JobClass(dollars(5), port=HOUR, restart=6 * MINUTE)]
    return Toy(
        world([block(0, 1, 3 * HOUR, silicon=1)], sites, classes=classes, period=4 * HOUR, pass_size=1),
        until=4 * HOUR + 1,
        expected=rows("""
            0    ARRIVE    0  -      1
            0    OFFER     0  0      0
            0    START     0  0      1
            30m  CAPACITY  -  0      0
            30m  EVICT     0  0      0
            30m  OFFER     0  1      0    # 1 is hold
            1h   CAPACITY  -  0      1
            1h   OFFER     0  0      0
            1h   START     0  0      1
            3h   FINISH    0  0      1
            4h   POST      0  BURST  $2.50
            4h   POST      0  DELAY  $13
        """),
    )


def blocks_are_not_killed_but_may_be_cancelled() -> Toy:
    """Section 6: "A block's end and requested end are its `until`", never cut short; "CANCEL if the job is marked"."""
    return Toy(
        world([block(0, 1, HOUR), block(0, 1, HOUR, is_cancelled=1)], [site(2)], kill_overruns=True),
        until=2 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  1
            0   ARRIVE  1  -  1
            0   OFFER   0  0  0
            0   OFFER   1  0  0
            0   START   0  0  1
            0   START   1  0  1
            1h  FINISH  0  0  1
            1h  CANCEL  1  0  1
        """),
    )


def the_data_of_a_block_are_staged_while_it_serves_nothing() -> Toy:
    """Section 6: "gang × min(set-up, until − t)", of which staging is a part.

    45,000 MB of weights at 1000 Mb/s take 6 min: 5 × 6 min are 0.5 h, at $4 $2. They cost $0.45 at $0.01 a GB.
    """
    providers = [metered(), metered(egress_rate=dollars(0.01))]
    jobs = [block(0, 5, HOUR, input=45_000, home=1)]
    sites, classes = [site(5), site(1, provider=1)], [JobClass(dollars(4))]
    return Toy(
        world(jobs, sites, providers=providers, classes=classes, period=2 * HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -       5
            0   OFFER   0  0       0
            0   START   0  0       5
            0   STAGE   0  1       45000
            0   POST    1  EGRESS  $0.45
            1h  FINISH  0  0       5
            2h  POST    0  BURST   $5
            2h  POST    0  DELAY   $2
        """),
        totals={"avoidable": dollars(7.45)},
    )


def a_starting_block_is_expected_to_end_at_its_until() -> Toy:
    """Section 5: "that of a starting job is its request + its planned length then", and of a block "until − now".

    3 accelerators, start-ups of 10 min. Block 1 (2) was queued at 0, when it was 2 h long; its request is of 0:40, and
    it ends at 2 h. At 0:45 head 2 (3) is promised 2 h, and job 3 (1), which would end at 2:15, waits.
    """
    jobs = [job(0, 2, 30 * MINUTE), block(0, 2, 2 * HOUR)]
    jobs += [job(45 * MINUTE, 3, HOUR), job(45 * MINUTE, 1, 90 * MINUTE)]
    return Toy(
        world(jobs, [site(3, start_up=always(10 * MINUTE))], dispatch="easy"),
        until=HOUR,
        expected=rows("""
            0    ARRIVE   0  -  2
            0    ARRIVE   1  -  2
            0    OFFER    0  0  0
            0    OFFER    1  0  0
            0    REQUEST  0  0  0
            10m  START    0  0  2
            40m  FINISH   0  0  2
            40m  REQUEST  1  0  0
            45m  ARRIVE   2  -  3
            45m  ARRIVE   3  -  1
            45m  OFFER    2  0  0
            45m  OFFER    3  0  0
            50m  START    1  0  2
        """),
    )


def what_a_set_up_adds_counts_the_gang_and_not_its_granule() -> Toy:
    """Section 6: "gang × min(set-up, until − t)". A gang of 1 on a granule of 4 is ported for 30 min, at $1: $0.50."""
    return Toy(
        world(
            [block(0, 1, HOUR, silicon=1)],
            [site(4, granule=4)],
            classes=[JobClass(dollars(1), port=30 * MINUTE)],
        ),
        until=HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -  1
            0   OFFER   0  0  0
            0   START   0  0  4
            1h  FINISH  0  0  4
        """),
        totals={"delay": dollars(0.50)},
    )
