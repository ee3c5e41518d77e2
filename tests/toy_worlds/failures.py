"""Who is hit by a failure, what is lost, and when the run then ends (rules, section 6: "Failures").

The positions were computed from section 1 with Python's integers; tests/test_toy_worlds.py computes them again.
"""

from ..reference.world import JobClass
from .notation import HOUR, MINUTE, Toy, always, job, rows, site, world


def a_failure_hits_a_position_in_the_order_of_starts() -> Toy:
    """Section 6: "The jobs that run there occupy consecutive positions from 0 in the order (start, id)."

    8 accelerators, a failure every hour; seed 5 draws the positions 4, 7 and 6. Job 0 (6) runs to 0:30, job 2 (2) is
    backfilled at 0, job 1 (4) starts at 0:30. At 1 h job 2 has positions 0 and 1, job 1 has 2 to 5: position 4 hits job
    1 (in order of ids it would hit job 2). Of its 30 min, 20 are saved; with 5 min to restart the other 1:40 end at
    2:45. At 2 h nobody has position 7. At 3 h job 2 finishes before the failure.
    """
    jobs = [job(0, 6, 30 * MINUTE), job(0, 4, 2 * HOUR), job(0, 2, 3 * HOUR)]
    classes = [JobClass(0, checkpoint=20 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world(jobs, [site(8, failure=always(HOUR))], classes=classes, dispatch="easy", seed=5),
        until=210 * MINUTE,
        expected=rows("""
            0      ARRIVE  0  -  6
            0      ARRIVE  1  -  4
            0      ARRIVE  2  -  2
            0      OFFER   0  0  0
            0      OFFER   1  0  0
            0      OFFER   2  0  0
            0      START   0  0  6
            0      START   2  0  2
            30m    FINISH  0  0  6
            30m    START   1  0  4
            1h     FAIL    1  0  10m
            2h45m  FINISH  1  0  4
            3h     FINISH  2  0  2
        """),
    )


def starting_jobs_have_no_position() -> Toy:
    """Section 6: "The jobs that *run* there".

    As above, seed 5: position 4 at 1 h. Job 0 (4) runs since 0:30, with positions 0 to 3; job 1 (4) only starts: it has
    made its request at 0:45. Nobody is hit.
    """
    sites = [site(8, failure=always(HOUR), start_up=always(30 * MINUTE))]
    return Toy(
        world([job(0, 4, HOUR), job(45 * MINUTE, 4, HOUR)], sites, seed=5),
        until=105 * MINUTE,
        expected=rows("""
            0      ARRIVE   0  -  4
            0      OFFER    0  0  0
            0      REQUEST  0  0  0
            30m    START    0  0  4
            45m    ARRIVE   1  -  4
            45m    OFFER    1  0  0
            45m    REQUEST  1  0  0
            1h15m  START    1  0  4
            1h30m  FINISH   0  0  4
        """),
    )


def without_checkpoints_everything_is_lost() -> Toy:
    """Section 6: "saved = e − e % checkpoint interval (0 without an interval)".

    Begun at 0:30, hit at 1 h: 30 min are lost. With 5 min to restart, the 50 min end at 1:55.
    """
    classes = [JobClass(0, restart=5 * MINUTE)]
    return Toy(
        world([job(30 * MINUTE, 1, 50 * MINUTE)], [site(1, failure=always(HOUR))], classes=classes),
        until=2 * HOUR,
        expected=rows("""
            30m    ARRIVE  0  -  1
            30m    OFFER   0  0  0
            30m    START   0  0  1
            1h     FAIL    0  0  30m
            1h55m  FINISH  0  0  1
        """),
    )


def a_failure_during_the_set_up_adds_a_restart_to_it() -> Toy:
    """Section 6: "begin = now + restart time + max(0, begin − now)".

    The port would take until 1:20. Hit at 1 h, the job restarts for 5 min and has 20 min of its port before it: its 30
    min of work begin at 1:25.
    """
    classes = [JobClass(0, port=30 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world([job(50 * MINUTE, 1, 30 * MINUTE, silicon=1)], [site(1, failure=always(HOUR))], classes=classes),
        until=2 * HOUR,
        expected=rows("""
            50m    ARRIVE  0  -  1
            50m    OFFER   0  0  0
            50m    START   0  0  1
            1h     FAIL    0  0  0
            1h55m  FINISH  0  0  1
        """),
    )


def positions_are_drawn_from_the_largest_capacity_that_happens() -> Toy:
    """Section 6: "the nominal capacity being the largest of the site's schedule that happens."

    1 accelerator, 4 from 5 h on; a promise of 1000 is not kept. Of 4, seed 4 draws 1, 0, 3, 3: nobody at 1 h, job 0 at
    2 h, nobody at 3 h and 4 h. (Of 1 it would be 0 at 1 h already; of 1000 it would be 126 at 2 h.)
    """
    steps = [(3 * HOUR, 1000, 0, 150 * MINUTE), (5 * HOUR, 4, 5 * HOUR, None)]
    return Toy(
        world([job(0, 1, 150 * MINUTE)], [site(1, failure=always(HOUR), steps=steps)], seed=4),
        until=5 * HOUR + 1,
        expected=rows("""
            0      ARRIVE    0  -  1
            0      OFFER     0  0  0
            0      START     0  0  1
            2h     FAIL      0  0  2h
            2h30m  WITHDRAW  -  0  1000
            4h30m  FINISH    0  0  1
            5h     CAPACITY  -  0  4
        """),
    )


def a_kill_counts_the_work_that_was_kept() -> Toy:
    """Section 6: "claim = max(1, claim − credit)", and "end = the requested end if that is earlier".

    1 h requested, 2 h needed; failures every 30 min. At 0:30, 20 min are saved: 40 are left of the claim, from 0:35. At
    1 h, 20 of 25 min: 20 are left, from 1:05. At 1:25 the job is killed.
    """
    classes = [JobClass(0, checkpoint=20 * MINUTE, restart=5 * MINUTE)]
    sites = [site(1, failure=always(30 * MINUTE))]
    return Toy(
        world([job(0, 1, 2 * HOUR, HOUR)], sites, classes=classes, kill_overruns=True),
        until=2 * HOUR,
        expected=rows("""
            0      ARRIVE  0  -  1
            0      OFFER   0  0  0
            0      START   0  0  1
            30m    FAIL    0  0  10m
            1h     FAIL    0  0  5m
            1h25m  KILL    0  0  1
        """),
    )


def the_requested_end_moves_with_a_failure() -> Toy:
    """Section 5: "The requested end of a running job is set when it starts and when it fails".

    4 accelerators; job 0 (2) asked for 10 min and needs 1 h. Hit at 0:30 (seed 6 draws position 1; at 1 h position 3,
    which nobody has), 20 min are saved; nothing is left of its claim, so a ms is: from 0:35 on it is expected to end at
    0:35 and a ms. At 0:31 head 1 (4) is promised that; job 2 (1, 4 min and a ms) ends then, and starts; job 3, a ms
    longer, does not, then or at 0:35 and a ms, when job 0 has overrun: the head is promised now. Job 0 ends at 1:15.
    """
    late = 31 * MINUTE
    jobs = [
        job(0, 2, HOUR, 10 * MINUTE),
        job(late, 4, HOUR),
        job(late, 1, 4 * MINUTE + 1),
        job(late, 1, 4 * MINUTE + 2),
    ]
    classes = [JobClass(0, checkpoint=20 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world(jobs, [site(4, failure=always(30 * MINUTE))], classes=classes, dispatch="easy", seed=6),
        until=90 * MINUTE,
        expected=rows("""
            0       ARRIVE  0  -  2
            0       OFFER   0  0  0
            0       START   0  0  2
            30m     FAIL    0  0  10m
            31m     ARRIVE  1  -  4
            31m     ARRIVE  2  -  1
            31m     ARRIVE  3  -  1
            31m     OFFER   1  0  0
            31m     OFFER   2  0  0
            31m     OFFER   3  0  0
            31m     START   2  0  1
            35m1ms  FINISH  2  0  1
            1h15m   FINISH  0  0  2
            1h15m   START   1  0  4
        """),
    )


def failures_of_one_instant_go_by_site() -> Toy:
    """Section 3: "3. **Failures**, by site". Job 1 runs at site 0, job 0 at site 1; both fail at 1 h."""
    sites = [site(1, failure=always(HOUR)), site(1, failure=always(HOUR))]
    return Toy(
        world([job(0, 1, 2 * HOUR), job(0, 1, 2 * HOUR)], sites),
        until=90 * MINUTE,
        actions={0: [1]},
        expected=rows("""
            0   ARRIVE  0  -  1
            0   ARRIVE  1  -  1
            0   OFFER   0  1  1
            0   OFFER   1  0  0
            0   START   1  0  1
            0   START   0  1  1
            1h  FAIL    1  0  1h
            1h  FAIL    0  1  1h
        """),
    )


def gaps_between_failures_are_drawn() -> Toy:
    """Section 6: "gaps of max(1, quantile(failure table, draw(seed, 1, site, 2k))), k = 0, 1, 2 … from time 0".

    The quantiles are 0, 1, 2, … s. Seed 0 draws the cells 307, 748 and 830, and 292,462, 4,590,484 and 8,168,912 of
    2^24 as fractions: gaps of 307,017, 748,273 and 830,486 ms. There is one position, and nothing is saved.
    """
    sites = [site(1, failure=[1000 * cell for cell in range(2048)])]
    return Toy(
        world([job(0, 1, HOUR)], sites),
        until=1_885_777,
        expected=rows("""
            0        ARRIVE  0  -  1
            0        OFFER   0  0  0
            0        START   0  0  1
            307017   FAIL    0  0  307017
            1055290  FAIL    0  0  748273
            1885776  FAIL    0  0  830486
        """),
    )


def a_job_that_has_been_starting_for_longer_than_another_runs_has_no_position() -> Toy:
    """Section 6: "The jobs that *run* there occupy consecutive positions from 0".

    Start-ups take 10 min. Job 1 has been starting since 0:05, job 0 runs since 0:10. The first position of seed 4 among
    2 is 0, which is that of job 0.
    """
    return Toy(
        world(
            [job(0, 1, HOUR), job(5 * MINUTE, 1, HOUR)],
            [site(2, start_up=always(10 * MINUTE), failure=always(12 * MINUTE))],
            seed=4,
        ),
        until=13 * MINUTE,
        expected=rows("""
            0    ARRIVE   0  -  1
            0    OFFER    0  0  0
            0    REQUEST  0  0  0
            5m   ARRIVE   1  -  1
            5m   OFFER    1  0  0
            5m   REQUEST  1  0  0
            10m  START    0  0  1
            12m  FAIL     0  0  2m
        """),
    )


def failures_are_a_ms_apart_at_least() -> Toy:
    """Section 6: "gaps of max(1, quantile(…))". All quantiles are 0."""
    return Toy(
        world([job(0, 1, HOUR)], [site(1, failure=always(0))]),
        until=3,
        expected=rows("""
            0    ARRIVE  0  -  1
            0    OFFER   0  0  0
            0    START   0  0  1
            1ms  FAIL    0  0  1
            2ms  FAIL    0  0  1
        """),
    )


def a_failure_dispatches_nobody() -> Toy:
    """Section 5: "Nothing else dispatches a site: … not a failure".

    2 accelerators. Job 0 (1) runs until 2 h; head 1 (2) waits for that. Job 2 (1), which comes at 0:50, would end at
    2:20. At 1 h job 0 loses its hour: it will end at 3 h, before which job 2 would fit in; but nobody asks. The first
    position of seed 4 among 2 is 0.
    """
    return Toy(
        world(
            [job(0, 1, 2 * HOUR), job(0, 2, HOUR), job(50 * MINUTE, 1, 90 * MINUTE)],
            [site(2, failure=always(HOUR))],
            dispatch="easy",
            seed=4,
        ),
        until=90 * MINUTE,
        expected=rows("""
            0    ARRIVE  0  -  1
            0    ARRIVE  1  -  2
            0    OFFER   0  0  0
            0    OFFER   1  0  0
            0    START   0  0  1
            50m  ARRIVE  2  -  1
            50m  OFFER   2  0  0
            1h   FAIL    0  0  1h
        """),
    )
