"""Victims, their order, and what becomes of them (rules, section 5: "preemption")."""

from ..reference.world import JobClass
from .notation import HOUR, MINUTE, Toy, always, job, rows, site, world


def the_least_urgent_and_latest_started_are_preempted_and_no_more_than_needed() -> Toy:
    """Section 5: "in the order lowest priority first, latest start first, largest id first; the fewest of them in that
    order".

    8 accelerators, full since 0:30. Job 4 (4, priority 5) arrives at 3 h. Job 2 is of a class that is not preemptible.
    Of the others, jobs 3 (since 0:30) and 1 (since 0) have priority 0 and are enough; job 0 (priority 1) stays. Job 3
    has saved 2 h of 2:30, job 1 3 h of 3 h. They wait in the queue; at 4 h they restart, in job order, for 10 min, and
    work their other 2 h and 3 h.
    """
    classes = [JobClass(0, checkpoint=HOUR, restart=10 * MINUTE, preemptible=True), JobClass(0)]
    jobs = [job(0, 2, 10 * HOUR, priority=1), job(0, 2, 5 * HOUR), job(0, 2, 10 * HOUR, cls=1)]
    jobs += [job(30 * MINUTE, 2, 5 * HOUR), job(3 * HOUR, 4, HOUR, priority=5, cls=1)]
    return Toy(
        world(jobs, [site(8, speed=[1000, 1000])], classes=classes, preempt_after=2 * HOUR),
        until=8 * HOUR,
        expected=rows("""
            0      ARRIVE   0  -  2
            0      ARRIVE   1  -  2
            0      ARRIVE   2  -  2
            0      OFFER    0  0  0
            0      OFFER    1  0  0
            0      OFFER    2  0  0
            0      START    0  0  2
            0      START    1  0  2
            0      START    2  0  2
            30m    ARRIVE   3  -  2
            30m    OFFER    3  0  0
            30m    START    3  0  2
            3h     ARRIVE   4  -  4
            3h     OFFER    4  0  0
            3h     PREEMPT  3  0  30m
            3h     PREEMPT  1  0  0
            3h     START    4  0  4
            4h     FINISH   4  0  4
            4h     START    1  0  2
            4h     START    3  0  2
            6h10m  FINISH   1  0  2
            7h10m  FINISH   3  0  2
        """),
    )


def nobody_is_preempted_when_not_enough_have_run_for_two_hours() -> Toy:
    """Section 5: "that have run at least `preempt_after`", "If there are enough"; and nothing else dispatches a site.

    4 accelerators. At 2 h job 2 (4, priority 5) finds job 0, which has run for exactly 2 h, and job 1, for 1 h: not
    enough, so neither. At 2:30 job 3 (2, priority 7) goes before it in the queue and takes job 0's place, which loses
    everything. At 3 h job 1 has run for 2 h, but nothing touches the site. At 3:30 job 3 finishes: 2 are free, and job
    1, after 2:30, is preempted for job 2. Both victims start again at 4:30.
    """
    jobs = [job(0, 2, 10 * HOUR), job(HOUR, 2, 10 * HOUR)]
    jobs += [job(2 * HOUR, 4, HOUR, priority=5), job(150 * MINUTE, 2, HOUR, priority=7)]
    return Toy(
        world(jobs, [site(4)], classes=[JobClass(0, preemptible=True)], preempt_after=2 * HOUR),
        until=5 * HOUR,
        expected=rows("""
            0      ARRIVE   0  -  2
            0      OFFER    0  0  0
            0      START    0  0  2
            1h     ARRIVE   1  -  2
            1h     OFFER    1  0  0
            1h     START    1  0  2
            2h     ARRIVE   2  -  4
            2h     OFFER    2  0  0
            2h30m  ARRIVE   3  -  2
            2h30m  OFFER    3  0  0
            2h30m  PREEMPT  0  0  2h30m
            2h30m  START    3  0  2
            3h30m  FINISH   3  0  2
            3h30m  PREEMPT  1  0  2h30m
            3h30m  START    2  0  4
            4h30m  FINISH   2  0  4
            4h30m  START    0  0  2
            4h30m  START    1  0  2
        """),
    )


def nobody_is_preempted_for_a_job_that_a_recall_would_catch() -> Toy:
    """Section 5: "and if without them the first job can start now".

    Everything goes at 4 h, which is known. At 2:30 job 1 (4, 2 h) would be caught whoever left: job 0 stays.
    """
    jobs = [job(0, 4, 3 * HOUR), job(150 * MINUTE, 4, 2 * HOUR, priority=5)]
    sites = [site(4, steps=[(4 * HOUR, 0, 0, None)])]
    return Toy(
        world(jobs, sites, classes=[JobClass(0, preemptible=True)], preempt_after=HOUR),
        until=5 * HOUR,
        expected=rows("""
            0      ARRIVE    0  -  4
            0      OFFER     0  0  0
            0      START     0  0  4
            2h30m  ARRIVE    1  -  4
            2h30m  OFFER     1  0  0
            3h     FINISH    0  0  4
            4h     CAPACITY  -  0  0
        """),
    )


def equal_priority_is_no_victim() -> Toy:
    """Section 5: "of lower priority than it". Both have priority 3: job 1 waits for job 0's end at 3 h."""
    jobs = [job(0, 4, 3 * HOUR, priority=3), job(2 * HOUR, 4, HOUR, priority=3)]
    return Toy(
        world(jobs, [site(4)], classes=[JobClass(0, preemptible=True)], preempt_after=HOUR),
        until=5 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  4
            0   OFFER   0  0  0
            0   START   0  0  4
            2h  ARRIVE  1  -  4
            2h  OFFER   1  0  0
            3h  FINISH  0  0  4
            3h  START   1  0  4
            4h  FINISH  1  0  4
        """),
    )


def a_victim_may_be_backfilled_at_the_instant_of_its_preemption() -> Toy:
    """Section 5: "A preempted job waits from this instant, queued at this site. FCFS then goes on."

    5 accelerators: job 0 (4, priority 1), job 1 (1, priority 0). Job 2 (4, priority 5) needs 4: job 1 is the first
    victim, and not enough, so job 0 is the second. 1 is left over. Job 0 heads the queue now, and is promised 4 h; job
    1 would leave it its 4 of 5: it starts again at once, 10 min of restart poorer.
    """
    classes = [JobClass(0, checkpoint=HOUR, restart=10 * MINUTE, preemptible=True)]
    jobs = [job(0, 4, 5 * HOUR, priority=1), job(0, 1, 4 * HOUR), job(3 * HOUR, 4, HOUR, priority=5)]
    return Toy(
        world(jobs, [site(5)], classes=classes, dispatch="easy", preempt_after=2 * HOUR),
        until=7 * HOUR,
        expected=rows("""
            0      ARRIVE   0  -  4
            0      ARRIVE   1  -  1
            0      OFFER    0  0  0
            0      OFFER    1  0  0
            0      START    0  0  4
            0      START    1  0  1
            3h     ARRIVE   2  -  4
            3h     OFFER    2  0  0
            3h     PREEMPT  1  0  0
            3h     PREEMPT  0  0  0
            3h     START    2  0  4
            3h     START    1  0  1
            4h     FINISH   2  0  4
            4h     START    0  0  4
            4h10m  FINISH   1  0  1
            6h10m  FINISH   0  0  4
        """),
    )


def a_starting_job_is_no_victim_and_who_preempts_makes_a_request() -> Toy:
    """Section 5: "the jobs that run here (not those that start)"; "that have run at least `preempt_after` (now −
    start)".

    Job 0 runs since 0:10. At 3 h job 1 only starts (until 3:05): for job 2 (4) there are not enough victims. At 3:06
    job 3 (2) goes first; job 0 leaves after 2:56 and loses them; job 3's request is granted at 3:16.
    """
    jobs = [job(0, 2, 10 * HOUR), job(175 * MINUTE, 2, 10 * HOUR)]
    jobs += [job(3 * HOUR, 4, HOUR, priority=5), job(186 * MINUTE, 2, HOUR, priority=7)]
    sites = [site(4, start_up=always(10 * MINUTE))]
    return Toy(
        world(jobs, sites, classes=[JobClass(0, preemptible=True)], preempt_after=2 * HOUR),
        until=210 * MINUTE,
        expected=rows("""
            0      ARRIVE   0  -  2
            0      OFFER    0  0  0
            0      REQUEST  0  0  0
            10m    START    0  0  2
            2h55m  ARRIVE   1  -  2
            2h55m  OFFER    1  0  0
            2h55m  REQUEST  1  0  0
            3h     ARRIVE   2  -  4
            3h     OFFER    2  0  0
            3h5m   START    1  0  2
            3h6m   ARRIVE   3  -  2
            3h6m   OFFER    3  0  0
            3h6m   PREEMPT  0  0  2h56m
            3h6m   REQUEST  3  0  0
            3h16m  START    3  0  2
        """),
    )


def a_preempted_job_is_queued_and_may_be_sent_elsewhere_by_a_pass() -> Toy:
    """Section 5: "queued at this site": it is not fresh, and only a pass offers it.

    Preempted at 3:30 (3 h of 3:30 are saved), job 0 is not offered. At 4 h, a multiple of the offer interval, it is,
    and goes to site 1: 12 s for its state, 10 min of restart and its other 2 h.
    """
    classes = [JobClass(0, checkpoint=HOUR, restart=10 * MINUTE, preemptible=True)]
    jobs = [job(0, 2, 5 * HOUR, snapshot=1500), job(210 * MINUTE, 2, 2 * HOUR, priority=5)]
    return Toy(
        world(
            jobs,
            [site(2), site(2, provider=1)],
            classes=classes,
            preempt_after=2 * HOUR,
            pass_size=1,
            offer_interval=HOUR,
        ),
        until=7 * HOUR,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE   0  -  2
            0      OFFER    0  0  0
            0      START    0  0  2
            3h30m  ARRIVE   1  -  2
            3h30m  OFFER    1  0  0
            3h30m  PREEMPT  0  0  30m
            3h30m  START    1  0  2
            4h     OFFER    0  1  1
            4h     START    0  1  2
            4h     STAGE    0  0  1500
            5h30m  FINISH   1  0  2
            6h10m12s  FINISH   0  1  2
        """),
    )


def a_request_that_is_older_than_any_run_is_no_victim() -> Toy:
    """Section 5: "the jobs that run here (not those that start)".

    Start-ups take 3 h. At 4 h job 0 (priority 1) has run for an hour; job 1 (priority 0) has been starting for 2. Job 2
    (priority 5) takes the place of job 0.
    """
    jobs = [job(0, 2, 5 * HOUR, priority=1), job(2 * HOUR, 2, HOUR), job(4 * HOUR, 2, HOUR, priority=5)]
    return Toy(
        world(
            jobs,
            [site(4, start_up=always(3 * HOUR))],
            classes=[JobClass(0, preemptible=True)],
            preempt_after=HOUR,
        ),
        until=5 * HOUR + 1,
        expected=rows("""
            0   ARRIVE   0  -  2
            0   OFFER    0  0  0
            0   REQUEST  0  0  0
            2h  ARRIVE   1  -  2
            2h  OFFER    1  0  0
            2h  REQUEST  1  0  0
            3h  START    0  0  2
            4h  ARRIVE   2  -  2
            4h  OFFER    2  0  0
            4h  PREEMPT  0  0  1h
            4h  REQUEST  2  0  0
            5h  START    1  0  2
        """),
    )
