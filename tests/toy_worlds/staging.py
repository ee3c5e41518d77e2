"""Data that are staged and paid for, and the state that moves with a job (rules, section 6)."""

from ..reference.world import JobClass, Provider
from .notation import DOLLAR, HOUR, LINK, MINUTE, Toy, always, dollars, job, metered, rows, site, world


def _two_providers() -> list[Provider]:
    """From 0 to 1: 200 Mb/s, $0.10 a GB. From 1 to 0: 100 Mb/s, $0.08 a GB."""
    return [
        metered(links=[LINK, 200], egress_rate=dollars(0.10)),
        metered(links=[100, LINK], egress_rate=dollars(0.08)),
    ]


def input_is_staged_and_paid_at_its_source_while_the_accelerators_are_metered() -> Toy:
    """Section 6: "up(x × 8000, link from q to this provider) ms", "egress(x, q) = x × rate of q // 1000", "metered from
    now on".

    4500 MB lie at provider 1: 360 s at 100 Mb/s, and 4500 × 80,000 // 1000 = $0.36. With a port of 4 min the set-up
    takes 10 min; 2 h at twice the speed take 1 h. 6 accelerators at $6 for 70 min: $42. Job 1's 4500 MB are here
    already: $6.
    """
    sites = [site(7, price=6 * DOLLAR, speed=[2000]), site(1, provider=1)]
    jobs = [job(0, 6, 2 * HOUR, input=4500, home=1, silicon=1), job(0, 1, 2 * HOUR, input=4500, home=0)]
    return Toy(
        world(jobs, sites, providers=_two_providers(), classes=[JobClass(0, port=4 * MINUTE)], period=2 * HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE  0  -       6
            0      ARRIVE  1  -       1
            0      OFFER   0  0       0
            0      OFFER   1  0       0
            0      START   0  0       6
            0      STAGE   0  1       4500
            0      POST    1  EGRESS  $0.36
            0      START   1  0       1
            1h     FINISH  1  0       1
            1h10m  FINISH  0  0       6
            2h     POST    0  BURST   $48
        """),
        totals={"burst": dollars(48), "egress": dollars(0.36), "avoidable": dollars(48.36), "bill": dollars(48.36)},
        costs={0: dollars(42.36), 1: dollars(6)},
    )


def staging_is_rounded_up_and_egress_down() -> Toy:
    """Section 6, as above. 1 MB at 300 Mb/s takes 26.7 ms, so 27; at $0.000999 a GB it costs 0.999 µ$, so nothing."""
    providers = [metered(links=[LINK, LINK]), metered(links=[300, LINK], egress_rate=999)]
    return Toy(
        world([job(0, 1, 100, input=1, home=1)], [site(1), site(1, provider=1)], providers=providers),
        until=200,
        expected=rows("""
            0    ARRIVE  0  -  1
            0    OFFER   0  0  0
            0    START   0  0  1
            0    STAGE   0  1  1
            127  FINISH  0  0  1
        """),
    )


def an_evicted_job_moves_with_its_state_and_resumes_at_its_checkpoint() -> Toy:
    """Section 6: "At the first early end at which remaining is below its walltime, its state is added to its data, at
    this provider."

    3 h of work, 3000 MB of input here, 6000 MB of state, a checkpoint every 45 min, 5 min to restart. Evicted at 2 h it
    has saved 1:30 and lost 30 min. 9000 MB go to provider 1 in 6 min, for $0.90: it works from 2:11. Evicted again at
    3:11 it has saved 45 min more and lost 15; 9000 MB (not 15,000: the state is added once) go back in 12 min, for
    $0.72; the last 45 min are worked from 3:28 to 4:13. Its runs of 120, 71 and 62 min of 2 cost $4, and twice
    1,183,333 and 1,033,333 µ$; with the egress that is what the job has cost.
    """
    back = 191 * MINUTE
    sites = [
        site(2, steps=[(2 * HOUR, 0, 2 * HOUR, None), (3 * HOUR, 2, 3 * HOUR, None)]),
        site(2, provider=1, steps=[(back, 0, back, None)]),
    ]
    classes = [JobClass(0, checkpoint=45 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world([job(0, 2, 3 * HOUR, input=3000, snapshot=6000)], sites, providers=_two_providers(), classes=classes),
        until=5 * HOUR,
        actions={0: [0, 1, 0]},
        expected=rows("""
            0      ARRIVE    0  -       2
            0      OFFER     0  0       0
            0      START     0  0       2
            2h     CAPACITY  -  0       0
            2h     EVICT     0  0       30m
            2h     OFFER     0  1       1
            2h     START     0  1       2
            2h     STAGE     0  0       9000
            2h     POST      0  EGRESS  $0.90
            3h     CAPACITY  -  0       2
            3h11m  CAPACITY  -  1       0
            3h11m  EVICT     0  1       15m
            3h11m  OFFER     0  0       0
            3h11m  START     0  0       2
            3h11m  STAGE     0  1       9000
            3h11m  POST      1  EGRESS  $0.72
            4h13m  FINISH    0  0       2
        """),
        costs={0: 4_000_000 + 2_366_666 + 2_066_666 + 1_620_000},
    )


def a_job_that_has_saved_nothing_leaves_its_state_behind() -> Toy:
    """Section 6, as above, "at which remaining is below its walltime"; and "from now on all its data lie here".

    Evicted at 30 min, before its first checkpoint: 3000 MB of input go to provider 1, in 2 min, for $0.30. Evicted
    there at 35 min while it restarts (until 37 min) it loses nothing; its input lies at provider 1 now and comes back
    in 4 min, for $0.24. It works its 3 h from 0:44.
    """
    first, second = 30 * MINUTE, 35 * MINUTE
    sites = [
        site(2, steps=[(first, 0, first, None), (33 * MINUTE, 2, 33 * MINUTE, None)]),
        site(2, provider=1, steps=[(second, 0, second, None)]),
    ]
    classes = [JobClass(0, checkpoint=45 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world([job(0, 2, 3 * HOUR, input=3000, snapshot=6000)], sites, providers=_two_providers(), classes=classes),
        until=4 * HOUR,
        actions={0: [0, 1, 0]},
        expected=rows("""
            0      ARRIVE    0  -       2
            0      OFFER     0  0       0
            0      START     0  0       2
            30m    CAPACITY  -  0       0
            30m    EVICT     0  0       30m
            30m    OFFER     0  1       1
            30m    START     0  1       2
            30m    STAGE     0  0       3000
            30m    POST      0  EGRESS  $0.30
            33m    CAPACITY  -  0       2
            35m    CAPACITY  -  1       0
            35m    EVICT     0  1       0
            35m    OFFER     0  0       0
            35m    START     0  0       2
            35m    STAGE     0  1       3000
            35m    POST      1  EGRESS  $0.24
            3h44m  FINISH    0  0       2
        """),
    )


def a_checkpoint_that_a_failure_used_is_moved_too() -> Toy:
    """Section 6, as above: remaining may be below the walltime since a failure.

    Failures every hour, always of position 0 of 1. At 1 h, 45 min are saved and 15 lost; the work goes on at 1:05.
    Evicted at 1:30 it has saved nothing since, but there is a checkpoint: 3000 + 6000 MB go to provider 1 in 6 min. The
    other 2:15 are worked from 1:41 to 3:56.
    """
    sites = [site(1, failure=always(HOUR), steps=[(90 * MINUTE, 0, 90 * MINUTE, None)]), site(1, provider=1)]
    classes = [JobClass(0, checkpoint=45 * MINUTE, restart=5 * MINUTE)]
    return Toy(
        world([job(0, 1, 3 * HOUR, input=3000, snapshot=6000)], sites, providers=_two_providers(), classes=classes),
        until=5 * HOUR,
        actions={0: [0, 1]},
        expected=rows("""
            0      ARRIVE    0  -       1
            0      OFFER     0  0       0
            0      START     0  0       1
            1h     FAIL      0  0       15m
            1h30m  CAPACITY  -  0       0
            1h30m  EVICT     0  0       25m
            1h30m  OFFER     0  1       1
            1h30m  START     0  1       1
            1h30m  STAGE     0  0       9000
            1h30m  POST      0  EGRESS  $0.90
            3h56m  FINISH    0  1       1
        """),
    )


def a_partner_at_another_provider_sends_its_data_to_every_run_that_finds_it_running() -> Toy:
    """Section 6: "If its partner runs now at another provider q, `sync` MB come from there in the same way, after the
    others".

    Job 0 starts first and finds no partner. Job 1 stages its input, 1500 MB from provider 2 (100 Mb/s: 2 min, free),
    and then 3000 MB of its partner from provider 0 (200 Mb/s: 2 min, $0.30). Evicted at 30 min (26 min of work are
    lost) it goes to provider 2: its input lies at provider 1 now (100 Mb/s: 2 min, $0.12); what came from its partner
    has not become its data, and comes again from provider 0 (400 Mb/s: 1 min, $0.30). With 5 min to restart it works
    from 0:38.
    """
    providers = [
        metered(links=[LINK, 200, 400], egress_rate=dollars(0.10)),
        metered(links=[LINK, LINK, 100], egress_rate=dollars(0.08)),
        metered(links=[LINK, 100, LINK]),
    ]
    half = 30 * MINUTE
    sites = [site(1), site(1, provider=1, steps=[(half, 0, half, None)]), site(1, provider=2)]
    jobs = [
        job(0, 1, HOUR, member=0, partner=1, sync=3000),
        job(0, 1, HOUR, member=1, partner=0, sync=3000, input=1500, home=2),
    ]
    return Toy(
        world(jobs, sites, providers=providers, classes=[JobClass(0, restart=5 * MINUTE)]),
        until=2 * HOUR,
        actions={1: [1, 2]},
        expected=rows("""
            0      ARRIVE    0  -       1
            0      ARRIVE    1  -       1
            0      OFFER     0  0       0
            0      OFFER     1  1       1
            0      START     0  0       1
            0      START     1  1       1
            0      STAGE     1  2       1500
            0      STAGE     1  0       3000
            0      POST      0  EGRESS  $0.30
            30m    CAPACITY  -  1       0
            30m    EVICT     1  1       26m
            30m    OFFER     1  2       2
            30m    START     1  2       1
            30m    STAGE     1  1       1500
            30m    POST      1  EGRESS  $0.12
            30m    STAGE     1  0       3000
            30m    POST      0  EGRESS  $0.30
            1h     FINISH    0  0       1
            1h38m  FINISH    1  2       1
        """),
    )


def a_partner_that_only_starts_or_is_at_the_same_provider_sends_nothing() -> Toy:
    """Section 6: "If its partner *runs* now at *another* provider".

    Job 0 makes a request at site 0. Job 1 runs at provider 1 at once: its partner only starts. Job 0 runs from 10 min
    on and finds its partner running at provider 1: 3000 MB take 4 min and cost $0.24. Jobs 2 and 3 are partners at two
    sites of provider 1.
    """
    sites = [site(1, start_up=always(10 * MINUTE)), site(2, provider=1), site(1, provider=1)]
    jobs = [job(0, 1, HOUR, member=n % 2, partner=1 - n % 2, sync=3000) for n in range(4)]
    return Toy(
        world(jobs, sites, providers=_two_providers()),
        until=2 * HOUR,
        actions={1: [1], 2: [1], 3: [2]},
        expected=rows("""
            0      ARRIVE   0  -       1
            0      ARRIVE   1  -       1
            0      ARRIVE   2  -       1
            0      ARRIVE   3  -       1
            0      OFFER    0  0       0
            0      OFFER    1  1       1
            0      OFFER    2  1       1
            0      OFFER    3  2       2
            0      REQUEST  0  0       0
            0      START    1  1       1
            0      START    2  1       1
            0      START    3  2       1
            10m    START    0  0       1
            10m    STAGE    0  1       3000
            10m    POST     1  EGRESS  $0.24
            1h     FINISH   1  1       1
            1h     FINISH   2  1       1
            1h     FINISH   3  2       1
            1h14m  FINISH   0  0       1
        """),
    )


def the_planned_length_counts_staging_but_not_the_partners_data() -> Toy:
    """Section 5: "its set-up there without a partner's data + its claim there".

    Site 1 loses everything at 1 h, which is known. Jobs 1 and 2 stage 7500 MB there for 10 min. Job 1 asks for 50 min:
    it is planned to end at 1 h, and starts; 3750 MB of its partner take 5 min more, so that it is caught with 45 min of
    work. Job 2 asks for a ms more and never starts. Job 1 takes its data back to provider 0, where its partner is: 5
    min.
    """
    providers = [metered(links=[LINK, 100]), metered(links=[200, LINK])]
    sites = [site(2), site(2, provider=1, steps=[(HOUR, 0, 0, None)])]
    jobs = [
        job(0, 1, 2 * HOUR, member=0, partner=1, sync=3750),
        job(0, 1, 50 * MINUTE, member=1, partner=0, sync=3750, input=7500),
        job(0, 1, 50 * MINUTE + 1, input=7500),
    ]
    return Toy(
        world(jobs, sites, providers=providers),
        until=3 * HOUR,
        actions={1: [1, 0], 2: [1]},
        expected=rows("""
            0      ARRIVE    0  -  1
            0      ARRIVE    1  -  1
            0      ARRIVE    2  -  1
            0      OFFER     0  0  0
            0      OFFER     1  1  1
            0      OFFER     2  1  1
            0      START     0  0  1
            0      START     1  1  1
            0      STAGE     1  0  7500
            0      STAGE     1  0  3750
            1h     CAPACITY  -  1  0
            1h     EVICT     1  1  45m
            1h     OFFER     1  0  0
            1h     START     1  0  1
            1h     STAGE     1  1  7500
            1h55m  FINISH    1  0  1
            2h     FINISH    0  0  1
        """),
    )


def what_a_partners_data_add_to_a_run_is_missing_from_what_the_head_leaves() -> Toy:
    """Section 5: "`free` and `planned_free` count the jobs already started", by their requested ends.

    6 accelerators at site 1. Job 0 (4) runs until 2 h, when head 1 (5) may start and leaves 1. Job 3 is planned to end
    at 2 h, so it starts; but its partner, job 2 at site 0, sends it 450,000 MB for 1 h, and it ends at 3 h. So of the 6
    that are free at 2 h, 1 is gone, and 5 + 1 are too many for job 4, which would run until 3 h.
    """
    jobs = [job(0, 4, 2 * HOUR), job(0, 5, HOUR)]
    jobs += [job(0, 1, 4 * HOUR, member=0, partner=1, sync=450_000)]
    jobs += [job(0, 1, 2 * HOUR, member=1, partner=0, sync=450_000), job(0, 1, 3 * HOUR)]
    return Toy(
        world(jobs, [site(1), site(6, provider=1)], dispatch="easy"),
        until=7 * HOUR,
        actions={0: [1], 1: [1], 3: [1], 4: [1]},
        expected=rows("""
            0   ARRIVE  0  -  4
            0   ARRIVE  1  -  5
            0   ARRIVE  2  -  1
            0   ARRIVE  3  -  1
            0   ARRIVE  4  -  1
            0   OFFER   0  1  1
            0   OFFER   1  1  1
            0   OFFER   2  0  0
            0   OFFER   3  1  1
            0   OFFER   4  1  1
            0   START   2  0  1
            0   START   0  1  4
            0   START   3  1  1
            0   STAGE   3  0  450000
            2h  FINISH  0  1  4
            2h  START   1  1  5
            3h  FINISH  1  1  5
            3h  FINISH  3  1  1
            3h  START   4  1  1
            4h  FINISH  2  0  1
            6h  FINISH  4  1  1
        """),
    )
