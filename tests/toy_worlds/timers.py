"""Deadlines (rules, section 8)."""

from ..reference.world import JobClass
from .notation import HOUR, MINUTE, Toy, always, block, dollars, job, rows, site, world
from .pipelines import member


def a_deadline_is_missed_by_a_job_that_is_still_pending() -> Toy:
    """Section 8: "A **deadline** falls on a job that is pending, waiting, starting or running: it is logged (MISS) and
    its penalty posted."

    Job 1 waits for job 0 until 2 h; its deadline is 1 h. It goes on all the same.
    """
    jobs = [member(0, 1, 2 * HOUR), member(1, 1, HOUR, (0,), deadline=HOUR, penalty=dollars(500))]
    return Toy(
        world(jobs, [site(1)]),
        until=4 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -        1
            0   ARRIVE  1  -        1
            0   OFFER   0  0        0
            0   START   0  0        1
            1h  MISS    1  -        $500
            1h  POST    0  PENALTY  $500
            2h  FINISH  0  0        1
            2h  READY   1  -        1
            2h  OFFER   1  0        0
            2h  START   1  0        1
            3h  FINISH  1  0        1
        """),
        totals={"penalty": dollars(500), "avoidable": dollars(503), "bill": dollars(503)},
    )


def a_deadline_is_met_by_an_end_at_its_instant() -> Toy:
    """Section 3: ends come before timers. Job 0 ends at its deadline; job 1 a ms later; job 2 too, but at no penalty:
    no posting.
    """
    jobs = [
        job(0, 1, HOUR, deadline=HOUR, penalty=dollars(5)),
        job(0, 1, HOUR + 1, deadline=HOUR, penalty=dollars(5)),
        job(0, 1, HOUR + 1, deadline=HOUR),
    ]
    return Toy(
        world(jobs, [site(3)]),
        until=2 * HOUR,
        expected=rows("""
            0      ARRIVE  0  -        1
            0      ARRIVE  1  -        1
            0      ARRIVE  2  -        1
            0      OFFER   0  0        0
            0      OFFER   1  0        0
            0      OFFER   2  0        0
            0      START   0  0        1
            0      START   1  0        1
            0      START   2  0        1
            1h     FINISH  0  0        1
            1h     MISS    1  -        $5
            1h     POST    0  PENALTY  $5
            1h     MISS    2  -        0
            1h1ms  FINISH  1  0        1
            1h1ms  FINISH  2  0        1
        """),
    )


def timers_of_one_instant_go_by_job_whatever_they_are() -> Toy:
    """Section 3: "**Timers**, by job id: deadlines …, and the `until` of blocks that do not run."

    At 1 h job 0 runs, block 1 and job 3 are queued behind it, and job 2, of class 1, starts at site 1. Each posting
    names the class.
    """
    jobs = [
        job(0, 1, 2 * HOUR, deadline=HOUR, penalty=dollars(1)),
        block(0, 1, HOUR),
        job(0, 1, HOUR, deadline=HOUR, penalty=dollars(2), cls=1),
        job(0, 1, HOUR, deadline=HOUR, penalty=dollars(3)),
    ]
    both = [1000, 1000]
    sites = [site(1, speed=both), site(1, speed=both, start_up=always(2 * HOUR))]
    return Toy(
        world(jobs, sites, classes=[JobClass(0), JobClass(0)]),
        until=2 * HOUR,
        actions={2: [1]},
        expected=rows("""
            0   ARRIVE   0  -        1
            0   ARRIVE   1  -        1
            0   ARRIVE   2  -        1
            0   ARRIVE   3  -        1
            0   OFFER    0  0        0
            0   OFFER    1  0        0
            0   OFFER    2  1        1
            0   OFFER    3  0        0
            0   START    0  0        1
            0   REQUEST  2  1        0
            1h  MISS     0  -        $1
            1h  POST     0  PENALTY  $1
            1h  EXPIRE   1  0        0
            1h  MISS     2  -        $2
            1h  POST     1  PENALTY  $2
            1h  MISS     3  -        $3
            1h  POST     0  PENALTY  $3
        """),
    )


def a_deadline_may_fall_at_the_instant_at_which_a_child_is_ready() -> Toy:
    """Section 3: ends, then timers, then offers. Its parent's end makes job 1 ready; at once it misses; then it is
    offered.
    """
    jobs = [member(0, 1, HOUR), member(1, 1, 30 * MINUTE, (0,), deadline=HOUR, penalty=dollars(9))]
    return Toy(
        world(jobs, [site(1)]),
        until=2 * HOUR,
        expected=rows("""
            0      ARRIVE  0  -        1
            0      ARRIVE  1  -        1
            0      OFFER   0  0        0
            0      START   0  0        1
            1h     FINISH  0  0        1
            1h     READY   1  -        1
            1h     MISS    1  -        $9
            1h     POST    0  PENALTY  $9
            1h     OFFER   1  0        0
            1h     START   1  0        1
            1h30m  FINISH  1  0        1
        """),
    )
