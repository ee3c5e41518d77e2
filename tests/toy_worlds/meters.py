"""What metered sites count: billing increments, price steps, budgets (rules, section 7: "Metered contract")."""

from ..reference.world import JobClass
from .notation import DOLLAR, HOUR, MINUTE, Toy, dollars, job, metered, rows, site, world


def a_run_counts_on_to_the_next_billing_increment() -> Toy:
    """Section 7: "it counts on to the next multiple of the site's billing `increment` … accelerators × the rest are
    added at once."

    Increments of 10 min. At $6: job 0 (2 for 25 min) counts 2 × 30 min, $6; job 1 (3 for 20 min, exactly) $6; job 2 (1
    for 15 min, to 1 h) 20 min, $2, all before the price step of 1 h; job 3 has run for 10 min then, $1. At $12: job 3
    runs 15 min and counts 5 more, $4; job 4 is evicted after 2 min, which count 10, $2.
    """
    late = 88 * MINUTE
    sites = [
        site(
            20,
            price=6 * DOLLAR,
            price_steps=[(HOUR, 12 * DOLLAR)],
            increment=10 * MINUTE,
            steps=[(90 * MINUTE, 0, 90 * MINUTE, None)],
        )
    ]
    jobs = [job(0, 2, 25 * MINUTE), job(0, 3, 20 * MINUTE)]
    jobs += [job(45 * MINUTE, 1, 15 * MINUTE), job(50 * MINUTE, 1, 25 * MINUTE), job(late, 1, HOUR)]
    return Toy(
        world(jobs, sites, period=2 * HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE    0  -      2
            0      ARRIVE    1  -      3
            0      OFFER     0  0      0
            0      OFFER     1  0      0
            0      START     0  0      2
            0      START     1  0      3
            20m    FINISH    1  0      3
            25m    FINISH    0  0      2
            45m    ARRIVE    2  -      1
            45m    OFFER     2  0      0
            45m    START     2  0      1
            50m    ARRIVE    3  -      1
            50m    OFFER     3  0      0
            50m    START     3  0      1
            1h     FINISH    2  0      1
            1h     POST      0  BURST  $15
            1h     PRICE     -  0      $12
            1h15m  FINISH    3  0      1
            1h28m  ARRIVE    4  -      1
            1h28m  OFFER     4  0      0
            1h28m  START     4  0      1
            1h30m  CAPACITY  -  0      0
            1h30m  EVICT     4  0      2m
            1h30m  OFFER     4  1      0    # no site is legal: 1 is hold
            2h     POST      0  BURST  $6
        """),
        totals={"burst": dollars(21), "avoidable": dollars(21), "bill": dollars(21)},
        costs={0: dollars(6), 1: dollars(6), 2: dollars(2), 3: dollars(5)},
    )


def a_price_step_to_the_same_price_posts_too() -> Toy:
    """Section 7: "At a price step (to the same price too) and at a period's end its cost is posted to `BURST`".

    Job 0 (1 for 1 h) at $2: $1 until 30 min, $1 after it. The price step of 1:30 finds nothing to post.
    """
    sites = [site(1, price=2 * DOLLAR, price_steps=[(30 * MINUTE, 2 * DOLLAR), (90 * MINUTE, DOLLAR)])]
    return Toy(
        world([job(0, 1, HOUR)], sites, period=HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE  0  -      1
            0      OFFER   0  0      0
            0      START   0  0      1
            30m    POST    0  BURST  $1
            30m    PRICE   -  0      $2
            1h     FINISH  0  0      1
            1h     POST    0  BURST  $1
            1h30m  PRICE   -  0      $1
        """),
        totals={"burst": dollars(2)},
    )


def a_spent_budget_starts_nothing_anywhere_at_its_provider_until_the_period_ends() -> Toy:
    """Section 5: "A site whose provider's budget is spent starts nothing", and "for every site of a provider with a
    budget, by a period's end".

    $5.50 per hour at $1. Job 0 (10) and job 2 (1, site 1) have cost exactly that at 30 min: job 1 does not start then,
    nor job 3 at site 1 at 45 min; job 4 arrives at 40 min, and no site is legal: it is held, and nobody asks again. At
    1 h the spend begins anew: both sites are dispatched.
    """
    jobs = [job(0, 10, 30 * MINUTE), job(0, 4, 15 * MINUTE), job(0, 1, 45 * MINUTE), job(0, 1, 15 * MINUTE)]
    jobs += [job(40 * MINUTE, 4, 15 * MINUTE)]
    return Toy(
        world(jobs, [site(10), site(1)], providers=[metered(budget=dollars(5.5))], period=HOUR),
        until=2 * HOUR + 1,
        actions={2: [1], 3: [1]},
        expected=rows("""
            0      ARRIVE  0  -      10
            0      ARRIVE  1  -      4
            0      ARRIVE  2  -      1
            0      ARRIVE  3  -      1
            0      OFFER   0  0      0
            0      OFFER   1  0      0
            0      OFFER   2  1      1
            0      OFFER   3  1      1
            0      START   0  0      10
            0      START   2  1      1
            30m    FINISH  0  0      10
            40m    ARRIVE  4  -      4
            40m    OFFER   4  2      0    # 2 is hold
            45m    FINISH  2  1      1
            1h     POST    0  BURST  $5
            1h     POST    0  BURST  $0.75
            1h     START   1  0      4
            1h     START   3  1      1
            1h15m  FINISH  1  0      4
            1h15m  FINISH  3  1      1
            2h     POST    0  BURST  $1
            2h     POST    0  BURST  $0.25
        """),
        totals={"burst": dollars(7)},
    )


def egress_is_no_part_of_what_a_budget_has_spent() -> Toy:
    """Section 7: "Egress is no part of the spend."

    Job 0 takes 5000 MB from provider 1 (40 s at 1000 Mb/s), for $5. Its budget is $1; still job 1 is started there.
    """
    providers = [metered(), metered(egress_rate=dollars(1), budget=dollars(1))]
    jobs = [job(0, 1, HOUR, input=5000, home=1), job(MINUTE, 1, HOUR)]
    return Toy(
        world(jobs, [site(1), site(1, provider=1)], providers=providers),
        until=2 * HOUR,
        actions={1: [1]},
        expected=rows("""
            0        ARRIVE  0  -       1
            0        OFFER   0  0       0
            0        START   0  0       1
            0        STAGE   0  1       5000
            0        POST    1  EGRESS  $5
            1m       ARRIVE  1  -       1
            1m       OFFER   1  1       1
            1m       START   1  1       1
            1h40s    FINISH  0  0       1
            1h1m     FINISH  1  1       1
        """),
        totals={"avoidable": dollars(7) + 11_111},  # $5, $1 and 40 s of $1, $1
        costs={0: dollars(6) + 11_111, 1: dollars(1)},
    )


def a_budget_that_a_preemption_spends_stops_the_next_dispatch() -> Toy:
    """Section 5: "A site whose provider's budget is spent when its dispatch begins starts nothing."

    $5; increments of 1 h. At 2:01 job 0 (2) has cost $4.03. It leaves for job 1 and counts on to 3 h: $6, spent; but
    that dispatch goes on, and job 2 starts too. Each of them runs for 30 min and counts 1 h: $8 in the period. Job 0
    starts again in the next one.
    """
    jobs = [
        job(0, 2, 3 * HOUR),
        job(121 * MINUTE, 1, 30 * MINUTE, priority=5),
        job(121 * MINUTE, 1, 30 * MINUTE, priority=4),
    ]
    return Toy(
        world(
            jobs,
            [site(2, increment=HOUR)],
            providers=[metered(budget=dollars(5))],
            classes=[JobClass(0, preemptible=True)],
            preempt_after=2 * HOUR,
            period=4 * HOUR,
        ),
        until=4 * HOUR + 1,
        expected=rows("""
            0      ARRIVE   0  -      2
            0      OFFER    0  0      0
            0      START    0  0      2
            2h1m   ARRIVE   1  -      1
            2h1m   ARRIVE   2  -      1
            2h1m   OFFER    1  0      0
            2h1m   OFFER    2  0      0
            2h1m   PREEMPT  0  0      2h1m
            2h1m   START    1  0      1
            2h1m   START    2  0      1
            2h31m  FINISH   1  0      1
            2h31m  FINISH   2  0      1
            4h     POST     0  BURST  $8
            4h     START    0  0      2
        """),
        costs={1: dollars(1), 2: dollars(1)},
    )
