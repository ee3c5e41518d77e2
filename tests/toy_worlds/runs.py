"""How long a run takes, and how it ends (rules, section 6: "Set-up", "A run begins", "A run ends")."""

from ..reference.world import JobClass
from .notation import HOUR, MINUTE, Toy, job, rows, site, world


def a_port_is_set_up_on_silicon_that_is_not_native() -> Toy:
    """Section 6: "*Port*: the class's port time when the job has native silicon and the site's is another."

    At twice the speed, 2 h are 1 h; the 4 min of the port are not divided. Jobs 1 (native here) and 2 (native nowhere
    in particular) need none.
    """
    sites = [site(3, speed=[2000], silicon=0)]
    jobs = [job(0, 1, 2 * HOUR, silicon=silicon) for silicon in (1, 0, -1)]
    return Toy(
        world(jobs, sites, classes=[JobClass(0, port=4 * MINUTE)]),
        until=2 * HOUR,
        expected=rows("""
            0     ARRIVE  0  -  1
            0     ARRIVE  1  -  1
            0     ARRIVE  2  -  1
            0     OFFER   0  0  0
            0     OFFER   1  0  0
            0     OFFER   2  0  0
            0     START   0  0  1
            0     START   1  0  1
            0     START   2  0  1
            1h    FINISH  1  0  1
            1h    FINISH  2  0  1
            1h4m  FINISH  0  0  1
        """),
    )


def overruns_are_killed_at_the_requested_end() -> Toy:
    """Section 6: "KILL if it was cut short by `kill_overruns`; else CANCEL if the job is marked as cancelled; else
    FINISH."

    Twice the speed: an hour requested is 30 min. Job 0 (2 h) ends after 10 min of port and those 30 min. Job 1 (1 h)
    needs exactly what it asked for. Job 2 (2 h) would be cancelled by its user, but is killed before; job 3 (30 min) is
    cancelled.
    """
    sites = [site(4, speed=[2000], silicon=0)]
    jobs = [job(0, 1, 2 * HOUR, HOUR, silicon=1), job(0, 1, HOUR, HOUR)]
    jobs += [job(0, 1, 2 * HOUR, HOUR, is_cancelled=1), job(0, 1, 30 * MINUTE, HOUR, is_cancelled=1)]
    return Toy(
        world(jobs, sites, classes=[JobClass(0, port=10 * MINUTE)], kill_overruns=True),
        until=2 * HOUR,
        expected=rows("""
            0    ARRIVE  0  -  1
            0    ARRIVE  1  -  1
            0    ARRIVE  2  -  1
            0    ARRIVE  3  -  1
            0    OFFER   0  0  0
            0    OFFER   1  0  0
            0    OFFER   2  0  0
            0    OFFER   3  0  0
            0    START   0  0  1
            0    START   1  0  1
            0    START   2  0  1
            0    START   3  0  1
            15m  CANCEL  3  0  1
            30m  FINISH  1  0  1
            30m  KILL    2  0  1
            40m  KILL    0  0  1
        """),
    )


def an_overrun_job_counts_as_ending_now() -> Toy:
    """Section 5: "(So a job that has overrun counts as ending now.)"

    5 accelerators. Job 0 (4) asked for 1 h and runs for 2. At 1:30 head 1 (5) is promised 1:30 itself: job 2 (1) would
    end after that, and 5 + 1 is more than 5. It waits behind the head.
    """
    jobs = [job(0, 4, 2 * HOUR, HOUR), job(90 * MINUTE, 5, HOUR), job(90 * MINUTE, 1, HOUR)]
    return Toy(
        world(jobs, [site(5)], dispatch="easy"),
        until=5 * HOUR,
        expected=rows("""
            0      ARRIVE  0  -  4
            0      OFFER   0  0  0
            0      START   0  0  4
            1h30m  ARRIVE  1  -  5
            1h30m  ARRIVE  2  -  1
            1h30m  OFFER   1  0  0
            1h30m  OFFER   2  0  0
            2h     FINISH  0  0  4
            2h     START   1  0  5
            3h     FINISH  1  0  5
            3h     START   2  0  1
            4h     FINISH  2  0  1
        """),
    )


def a_candidate_may_run_beside_a_head_that_is_promised_now() -> Toy:
    """Section 5: "or it leaves the head's reservation whole". As above, but head 1 needs 4: 4 + 1 are 5, and job 2
    starts.
    """
    jobs = [job(0, 4, 2 * HOUR, HOUR), job(90 * MINUTE, 4, HOUR), job(90 * MINUTE, 1, HOUR)]
    return Toy(
        world(jobs, [site(5)], dispatch="easy"),
        until=5 * HOUR,
        expected=rows("""
            0      ARRIVE  0  -  4
            0      OFFER   0  0  0
            0      START   0  0  4
            1h30m  ARRIVE  1  -  4
            1h30m  ARRIVE  2  -  1
            1h30m  OFFER   1  0  0
            1h30m  OFFER   2  0  0
            1h30m  START   2  0  1
            2h     FINISH  0  0  4
            2h     START   1  0  4
            2h30m  FINISH  2  0  1
            3h     FINISH  1  0  4
        """),
    )


def what_a_checkpoint_saves_is_credited_at_the_speed_of_the_site() -> Toy:
    """Section 6: "saved = e − e % checkpoint interval", "credit = saved × speed // 1000".

    1000 ms of work at speed 1500 would take 667 ms. Evicted after 500 ms, with a checkpoint every 7: 497 ms are saved,
    3 are lost, 745 (and a half) are credited. The other 255 take 255 ms at speed 1000.
    """
    sites = [site(1, speed=[1500], steps=[(500, 0, 500, None)]), site(1, provider=1)]
    return Toy(
        world([job(0, 1, 1000)], sites, classes=[JobClass(0, checkpoint=7)]),
        until=1000,
        actions={0: [0, 1]},
        expected=rows("""
            0    ARRIVE    0  -  1
            0    OFFER     0  0  0
            0    START     0  0  1
            500  CAPACITY  -  0  0
            500  EVICT     0  0  3
            500  OFFER     0  1  1
            500  START     0  1  1
            755  FINISH    0  1  1
        """),
    )


def a_set_up_is_no_work() -> Toy:
    """Section 6: "e = max(0, now − begin)".

    The port takes 30 min. Evicted at 20 min, the job has lost nothing; at site 1, to whose silicon it is native, the
    restart takes 15 min, because an earlier run has ended early. Then it works its hour.
    """
    sites = [site(1, steps=[(20 * MINUTE, 0, 20 * MINUTE, None)]), site(1, provider=1, silicon=1)]
    return Toy(
        world([job(0, 1, HOUR, silicon=1)], sites, classes=[JobClass(0, port=30 * MINUTE, restart=15 * MINUTE)]),
        until=2 * HOUR,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -  1
            0      OFFER     0  0  0
            0      START     0  0  1
            20m    CAPACITY  -  0  0
            20m    EVICT     0  0  0
            20m    OFFER     0  1  1
            20m    START     0  1  1
            1h35m  FINISH    0  1  1
        """),
    )


def what_a_head_leaves_is_given_away_once_and_not_to_those_who_end_in_time() -> Toy:
    """Section 5: "and either there is no shadow time, or now + q <= shadow time, or it leaves the head's reservation
    whole".

    7 accelerators. Job 0 (4) runs until 2 h, when head 1 (6) may start and leaves 1. Jobs 2 and 5 end at 2 h itself.
    Job 3 takes the one that is left, until 3 h: 6 + 1 are 7. For job 4, 6 + 1 are more than the 6 that are then free.
    """
    jobs = [job(0, 4, 2 * HOUR), job(0, 6, HOUR)]
    jobs += [job(0, 1, hours * HOUR) for hours in (2, 3, 3, 2)]
    return Toy(
        world(jobs, [site(7)], dispatch="easy"),
        until=7 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  4
            0   ARRIVE  1  -  6
            0   ARRIVE  2  -  1
            0   ARRIVE  3  -  1
            0   ARRIVE  4  -  1
            0   ARRIVE  5  -  1
            0   OFFER   0  0  0
            0   OFFER   1  0  0
            0   OFFER   2  0  0
            0   OFFER   3  0  0
            0   OFFER   4  0  0
            0   OFFER   5  0  0
            0   START   0  0  4
            0   START   2  0  1
            0   START   3  0  1
            0   START   5  0  1
            2h  FINISH  0  0  4
            2h  FINISH  2  0  1
            2h  FINISH  5  0  1
            2h  START   1  0  6
            3h  FINISH  1  0  6
            3h  FINISH  3  0  1
            3h  START   4  0  1
            6h  FINISH  4  0  1
        """),
    )
