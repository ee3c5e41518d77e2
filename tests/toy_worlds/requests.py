"""Start-ups: requests that are granted or denied, and jobs that start (rules, section 5: "A job that starts").

The draws were computed from section 1 with Python's integers; tests/test_toy_worlds.py computes them again.
"""

from ..reference.world import JobClass
from .notation import DOLLAR, HOUR, MINUTE, Row, Toy, always, dollars, job, rows, site, world


def a_request_is_granted_after_the_start_up() -> Toy:
    """Section 5: "*starting* until the outcome, as long as which its delay goes on and nothing is metered."

    The start-up is always 10 min (8 are usual). 6 accelerators run from 10 min on: at $6, $36; they waited 10 min, at
    $1, $1.
    """
    sites = [site(6, price=6 * DOLLAR, start_up=always(10 * MINUTE), usual_start_up=8 * MINUTE)]
    return Toy(
        world([job(0, 6, HOUR)], sites, classes=[JobClass(dollars(1))], period=2 * HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE   0  -      6
            0      OFFER    0  0      0
            0      REQUEST  0  0      0
            10m    START    0  0      6
            1h10m  FINISH   0  0      6
            2h     POST     0  BURST  $36
            2h     POST     0  DELAY  $1
        """),
        totals={"burst": dollars(36), "delay": dollars(1), "avoidable": dollars(37)},
    )


def a_denied_job_is_offered_again_and_its_accelerators_serve_the_queue() -> Toy:
    """Section 5: "A denied job's accelerators are free, the site is touched, and the job is unplaced; it waits from
    this instant."

    2 are always granted, 4 never. Job 0 (4) is denied after 5 min and goes to site 1, which has no start-up; job 1 (2),
    queued behind it, makes its request then.
    """
    lazy = site(4, grants=[(2, 1000), (4, 0)], denial=5 * MINUTE, start_up=always(10 * MINUTE))
    return Toy(
        world([job(0, 4, HOUR), job(0, 2, HOUR)], [lazy, site(4, provider=1)]),
        until=2 * HOUR,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE   0  -  4
            0      ARRIVE   1  -  2
            0      OFFER    0  0  0
            0      OFFER    1  0  0
            0      REQUEST  0  0  0
            5m     DENY     0  0  4
            5m     OFFER    0  1  1
            5m     REQUEST  1  0  0
            5m     START    0  1  4
            15m    START    1  0  2
            1h5m   FINISH   0  1  4
            1h15m  FINISH   1  0  2
        """),
    )


def a_request_may_be_denied_twice_and_then_granted() -> Toy:
    """Section 5: "entity = its id …, and the attempt 8 × a + site", and the probability between two points.

    8 lies half way between (4, 1000) and (12, 200): 1000 − 800 × 4 // 8 = 600. With seed 10, job 1 at site 1 draws for
    its attempts 1, 9 and 17: 991, 605 and 202. So it is denied, denied (605 is not below 600), and granted.
    """
    lazy = site(8, grants=[(4, 1000), (12, 200)], denial=5 * MINUTE, start_up=always(10 * MINUTE))
    return Toy(
        world([job(0, 1, HOUR), job(0, 8, HOUR)], [site(1), lazy], seed=10),
        until=2 * HOUR,
        actions={1: [1]},
        expected=rows("""
            0      ARRIVE   0  -  1
            0      ARRIVE   1  -  8
            0      OFFER    0  0  0
            0      OFFER    1  1  1
            0      START    0  0  1
            0      REQUEST  1  1  0
            5m     DENY     1  1  8
            5m     OFFER    1  1  1
            5m     REQUEST  1  1  1
            10m    DENY     1  1  8
            10m    OFFER    1  1  1
            10m    REQUEST  1  1  2
            20m    START    1  1  8
            1h     FINISH   0  0  1
            1h20m  FINISH   1  1  8
        """),
    )


def _drawn_660(gang: int, expected: list[Row]) -> Toy:
    """Seed 5: job 0 at site 1 draws 660, then 45. The points are (4, 661) and (8, 659)."""
    lazy = site(8, grants=[(4, 661), (8, 659)], denial=5 * MINUTE, start_up=always(10 * MINUTE))
    small = world([job(0, gang, HOUR)], [site(1), lazy], seed=5)
    return Toy(small, until=2 * HOUR, actions={0: [1]}, expected=expected)


def a_draw_that_is_not_below_the_probability_is_a_denial() -> Toy:
    """Section 5: "It is granted when uniform(…) is below it". 6: 661 − 2 × 2 // 4 = 660, and 660 is drawn, then 45."""
    return _drawn_660(
        6,
        rows("""
            0      ARRIVE   0  -  6
            0      OFFER    0  1  1
            0      REQUEST  0  1  0
            5m     DENY     0  1  6
            5m     OFFER    0  1  1
            5m     REQUEST  0  1  1
            15m    START    0  1  6
            1h15m  FINISH   0  1  6
        """),
    )


def what_is_taken_from_a_probability_is_rounded_down() -> Toy:
    """Section 5: "p − (p − p′) × (n − s) // (s′ − s)". 5: 661 − 2 × 1 // 4 = 661, and 660 is drawn: granted."""
    return _drawn_660(
        5,
        rows("""
            0      ARRIVE   0  -  5
            0      OFFER    0  1  1
            0      REQUEST  0  1  0
            10m    START    0  1  5
            1h10m  FINISH   0  1  5
        """),
    )


def a_start_up_is_drawn_between_two_quantiles() -> Toy:
    """Section 1: "table[cell] + ((table[cell + 1] − table[cell]) * fraction >> 24)".

    The quantiles are 0, 1, 2, … s. Seed 0, job 0, attempt 0 of stream 3: 0x9b2903f7bf1ed983, whose cell is 620 and
    whose fraction is 4,160,497 of 2^24, 0.24798…: 620 s and 247 ms.
    """
    sites = [site(1, start_up=[1000 * cell for cell in range(2048)])]
    return Toy(
        world([job(0, 1, HOUR)], sites),
        until=2 * HOUR,
        expected=rows("""
            0               ARRIVE   0  -  1
            0               OFFER    0  0  0
            0               REQUEST  0  0  0
            10m20s247ms     START    0  0  1
            1h10m20s247ms   FINISH   0  0  1
        """),
    )


def the_last_cell_is_resolved_by_ten_more_bits() -> Toy:
    """Section 1: "if that is 1023, 1023 + the next ten bits".

    Seed 1269 draws 0xffc0bcd9ed249f8e: the cell is 1023, the next ten bits are 11, the fraction 13,475,538 of 2^24,
    0.80320…: 1034 s and 803 ms.
    """
    sites = [site(1, start_up=[1000 * cell for cell in range(2048)])]
    return Toy(
        world([job(0, 1, HOUR)], sites, seed=1269),
        until=2 * HOUR,
        expected=rows("""
            0               ARRIVE   0  -  1
            0               OFFER    0  0  0
            0               REQUEST  0  0  0
            17m14s803ms     START    0  0  1
            1h17m14s803ms   FINISH   0  0  1
        """),
    )


def starting_jobs_occupy_and_are_expected_to_end_after_their_planned_length() -> Toy:
    """Section 5: "The requested end … of a starting job is its request + its planned length then."

    8 accelerators; 20 min of start-up are usual, 30 come. Job 0 (5, 1 h) starts; it is expected to end at 1:20. Head 1
    (8) is promised that. Job 2 (2, 1 h) would end at 1:20, and starts beside it. Job 3 (1) would end a ms later: it
    waits. Jobs 0 and 2 really run from 0:30 to 1:30; then the head makes its request. No start wakes the site.
    """
    sites = [site(8, start_up=always(30 * MINUTE), usual_start_up=20 * MINUTE)]
    jobs = [job(0, 5, HOUR), job(0, 8, HOUR), job(0, 2, HOUR), job(0, 1, HOUR + 1)]
    return Toy(
        world(jobs, sites, dispatch="easy"),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE   0  -  5
            0      ARRIVE   1  -  8
            0      ARRIVE   2  -  2
            0      ARRIVE   3  -  1
            0      OFFER    0  0  0
            0      OFFER    1  0  0
            0      OFFER    2  0  0
            0      OFFER    3  0  0
            0      REQUEST  0  0  0
            0      REQUEST  2  0  0
            30m    START    0  0  5
            30m    START    2  0  2
            1h30m  FINISH   0  0  5
            1h30m  FINISH   2  0  2
            1h30m  REQUEST  1  0  0
            2h     START    1  0  8
        """),
    )


def a_recall_is_planned_with_the_usual_start_up() -> Toy:
    """Section 5: "The planned length … is the site's usual start-up + its set-up there … + its claim there".

    Everything goes at 1 h, which is known. Job 0 asks for 50 min: with 10 min of start-up it ends at 1 h, and starts.
    Job 1 asks for a ms more, and never does.
    """
    ten = 10 * MINUTE
    sites = [site(4, steps=[(HOUR, 0, 0, None)], start_up=always(ten), usual_start_up=ten)]
    return Toy(
        world([job(0, 2, 5 * ten), job(0, 2, 5 * ten + 1)], sites),
        until=2 * HOUR,
        expected=rows("""
            0    ARRIVE    0  -  2
            0    ARRIVE    1  -  2
            0    OFFER     0  0  0
            0    OFFER     1  0  0
            0    REQUEST   0  0  0
            10m  START     0  0  2
            1h   FINISH    0  0  2
            1h   CAPACITY  -  0  0
        """),
    )


def a_starting_job_that_is_evicted_has_lost_nothing() -> Toy:
    """Section 6: "A starting job that is evicted has lost nothing"; and no *run* of it has ended early: it does not
    restart.

    At 5 min 8 fall to 4: of two requests of one instant the larger id goes, job 1. It runs at site 1 at once, without
    the 15 min of a restart. Job 0 waited 10 min and job 1 5: with 4 each, an hour at $1. Each is metered for its 4 h.
    """
    sites = [site(8, steps=[(5 * MINUTE, 4, 5 * MINUTE, None)], start_up=always(10 * MINUTE)), site(4, provider=1)]
    classes = [JobClass(dollars(1), restart=15 * MINUTE)]
    return Toy(
        world([job(0, 4, HOUR), job(0, 4, HOUR)], sites, classes=classes, period=2 * HOUR),
        until=2 * HOUR + 1,
        actions={1: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -      4
            0      ARRIVE    1  -      4
            0      OFFER     0  0      0
            0      OFFER     1  0      0
            0      REQUEST   0  0      0
            0      REQUEST   1  0      0
            5m     CAPACITY  -  0      4
            5m     EVICT     1  0      0
            5m     OFFER     1  1      1
            5m     START     1  1      4
            10m    START     0  0      4
            1h5m   FINISH    1  1      4
            1h10m  FINISH    0  0      4
            2h     POST      0  BURST  $4
            2h     POST      1  BURST  $4
            2h     POST      0  DELAY  $1
        """),
    )


def a_start_and_a_request_are_compared_as_they_fell() -> Toy:
    """Section 3: "the latest start (of a starting job: request) first".

    Job 0 asks at 0 and starts at 10 min; job 1 asks at 5 min. At 12 min one must go: job 0, which has run for 2 min. At
    site 1 it restarts for 15 min and works its hour.
    """
    sites = [site(8, steps=[(12 * MINUTE, 4, 12 * MINUTE, None)], start_up=always(10 * MINUTE)), site(4, provider=1)]
    classes = [JobClass(0, restart=15 * MINUTE)]
    return Toy(
        world([job(0, 4, HOUR), job(5 * MINUTE, 4, HOUR)], sites, classes=classes),
        until=2 * HOUR,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -  4
            0      OFFER     0  0  0
            0      REQUEST   0  0  0
            5m     ARRIVE    1  -  4
            5m     OFFER     1  0  0
            5m     REQUEST   1  0  0
            10m    START     0  0  4
            12m    CAPACITY  -  0  4
            12m    EVICT     0  0  2m
            12m    OFFER     0  1  1
            12m    START     0  1  4
            15m    START     1  0  4
            1h15m  FINISH    1  0  4
            1h27m  FINISH    0  1  4
        """),
    )


def a_denial_begins_the_wait_anew() -> Toy:
    """Section 4: "less than `max_hold` (≥ 1) since it last began to wait (ready, evicted, denied or preempted)".

    It may be held for 10 min. Every request is denied after 20 min; the offer interval is 15 min. At 20 min the job has
    just begun to wait, and hold is carried out; at 30 min it has waited 10 min, and the lowest legal site is: site 0.
    """
    sites = [site(4, grants=[(1, 0)], denial=20 * MINUTE, start_up=always(MINUTE))]
    return Toy(
        world([job(0, 4, HOUR)], sites, pass_size=1, max_hold=10 * MINUTE, offer_interval=15 * MINUTE),
        until=HOUR + 1,
        actions={0: [0, 1]},
        expected=rows("""
            0    ARRIVE   0  -  4
            0    OFFER    0  0  0
            0    REQUEST  0  0  0
            20m  DENY     0  0  4
            20m  OFFER    0  1  1
            30m  OFFER    0  0  1
            30m  REQUEST  0  0  1
            50m  DENY     0  0  4
            50m  OFFER    0  1  1
            1h   OFFER    0  0  1
            1h   REQUEST  0  0  2
        """),
    )
