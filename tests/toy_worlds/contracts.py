"""Floors, overage, carry, arrears, ends, accrual, and the order of settlement (rules, section 7)."""

from ..reference.world import JobClass, World
from .notation import DOLLAR, HOUR, MINUTE, Toy, dollars, job, metered, rows, site, take_or_pay, world


def hourly(*gangs: int, **contract: int | bool) -> World:
    """One gang in each hour, 0 for none, for an hour, on 20 accelerators at $1, with a contract whose periods are
    hours.
    """
    jobs = [job(hour * HOUR, gang, HOUR) for hour, gang in enumerate(gangs) if gang]
    return world(jobs, [site(20)], providers=[take_or_pay(**contract)], period=HOUR)


def unused_floor_is_carried_into_the_next_period_up_to_a_share_of_the_fee() -> Toy:
    """Section 7: "overage = permille(max(0, drawn − floor − carried), overage ratio)", "carried = min(unused,
    permille(fee, carry ratio))".

    A floor of $10 an hour, overage at 1.5, 300 permille may be carried. $6: 4 unused, min(4, 3) = 3 carried. $15: 2
    beyond, $3. $9: 1 unused, min(1, 3) = 1 carried. $12: 1 beyond, $1.50.
    """
    return Toy(
        hourly(6, 15, 9, 12, floor_money=dollars(10), overage=1500, carry=300),
        until=4 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -        6
            0   OFFER   0  0        0
            0   START   0  0        6
            1h  FINISH  0  0        6
            1h  POST    0  FEE      $10
            1h  POST    0  USED     $6
            1h  POST    0  UNUSED   $4
            1h  ARRIVE  1  -        15
            1h  OFFER   1  0        0
            1h  START   1  0        15
            2h  FINISH  1  0        15
            2h  POST    0  FEE      $10
            2h  POST    0  OVERAGE  $3
            2h  POST    0  USED     $10
            2h  ARRIVE  2  -        9
            2h  OFFER   2  0        0
            2h  START   2  0        9
            3h  FINISH  2  0        9
            3h  POST    0  FEE      $10
            3h  POST    0  USED     $9
            3h  POST    0  UNUSED   $1
            3h  ARRIVE  3  -        12
            3h  OFFER   3  0        0
            3h  START   3  0        12
            4h  FINISH  3  0        12
            4h  POST    0  FEE      $10
            4h  POST    0  OVERAGE  $1.50
            4h  POST    0  USED     $10
        """),
        totals={"floors": dollars(40), "overage": dollars(4.5), "avoidable": dollars(4.5), "bill": dollars(44.5)},
    )


def carry_counts_whole_while_the_floor_accrues_by_minutes() -> Toy:
    """Section 7: "overage on what was drawn beyond the floor so far and what is carried".

    As above, at 1:48: 48 min of $15 are $12 drawn; of the second floor 48/60 have accrued, $8; $3 are carried: $1
    beyond, $1.50. No gang needs the price of more than that.
    """
    return Toy(
        hourly(6, 15, floor_money=dollars(10), overage=1500, carry=300),
        until=HOUR + 48 * MINUTE,
        expected=rows("""
            0   ARRIVE  0  -       6
            0   OFFER   0  0       0
            0   START   0  0       6
            1h  FINISH  0  0       6
            1h  POST    0  FEE     $10
            1h  POST    0  USED    $6
            1h  POST    0  UNUSED  $4
            1h  ARRIVE  1  -       15
            1h  OFFER   1  0       0
            1h  START   1  0       15
        """),
        totals={"floors": dollars(18), "overage": dollars(1.5), "avoidable": dollars(1.5), "bill": dollars(19.5)},
    )


def in_arrears_what_was_not_used_is_a_shortfall_invoice() -> Toy:
    """Section 7: "A contract *in arrears* bills the used part of the floor as FEE and the unused part as a SHORTFALL
    invoice".

    $6 of $10; then nothing (no fee, and a shortfall of 10, of which 3 are carried); then $15: 2 beyond.
    """
    return Toy(
        hourly(6, 0, 15, floor_money=dollars(10), carry=300, in_arrears=True),
        until=3 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -          6
            0   OFFER   0  0          0
            0   START   0  0          6
            1h  FINISH  0  0          6
            1h  POST    0  FEE        $6
            1h  POST    0  SHORTFALL  $4
            1h  POST    0  USED       $6
            1h  POST    0  UNUSED     $4
            2h  POST    0  SHORTFALL  $10
            2h  POST    0  UNUSED     $10
            2h  ARRIVE  1  -          15
            2h  OFFER   1  0          0
            2h  START   1  0          15
            3h  FINISH  1  0          15
            3h  POST    0  FEE        $10
            3h  POST    0  OVERAGE    $2
            3h  POST    0  USED       $10
        """),
        totals={"floors": dollars(30), "overage": dollars(2), "avoidable": dollars(2), "bill": dollars(32)},
    )


def a_contract_that_ends_inside_a_period_owes_its_floor_to_the_minute() -> Toy:
    """Section 7: "An amount of money is owed up to the contract's end, pro rata": (F // M) × m + (F % M) × m // M.

    It ends at 2:07. Of $10, 7 of 60 min are 166,666 × 7 + 40 × 7 // 60 = 1,166,666 µ$; of the $3 drawn in that hour
    1,833,334 µ$ are beyond. In the next hour nothing is owed, and the $2 drawn are all beyond.
    """
    return Toy(
        hourly(4, 0, 3, 2, floor_money=dollars(10), ends=2 * HOUR + 7 * MINUTE),
        until=4 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -        4
            0   OFFER   0  0        0
            0   START   0  0        4
            1h  FINISH  0  0        4
            1h  POST    0  FEE      $10
            1h  POST    0  USED     $4
            1h  POST    0  UNUSED   $6
            2h  POST    0  FEE      $10
            2h  POST    0  UNUSED   $10
            2h  ARRIVE  1  -        3
            2h  OFFER   1  0        0
            2h  START   1  0        3
            3h  FINISH  1  0        3
            3h  POST    0  FEE      $1.166666
            3h  POST    0  OVERAGE  $1.833334
            3h  POST    0  USED     $1.166666
            3h  ARRIVE  2  -        2
            3h  OFFER   2  0        0
            3h  START   2  0        2
            4h  FINISH  2  0        2
            4h  POST    0  OVERAGE  $2
        """),
        totals={"floors": 21_166_666, "overage": 3_833_334, "bill": dollars(25)},
    )


def a_flat_lease_has_no_overage() -> Toy:
    """Section 7: "A **flat lease** is a take-or-pay contract on an amount of money whose overage ratio is 0." $15 of
    $10.
    """
    return Toy(
        hourly(15, floor_money=dollars(10), overage=0),
        until=HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -     15
            0   OFFER   0  0     0
            0   START   0  0     15
            1h  FINISH  0  0     15
            1h  POST    0  FEE   $10
            1h  POST    0  USED  $10
        """),
        totals={"floors": dollars(10), "overage": 0, "avoidable": 0, "bill": dollars(10)},
    )


def a_share_is_taken_of_what_is_delivered_at_every_site_of_the_contract() -> Toy:
    """Section 7: "`share` permille of Σ over its sites of cost(delivered capacity × time, price)".

    Site 0, at $2, delivers 10, and 5 from 0:30 on: 7.5 h, $15, and $10 in each further hour; site 1, at $5, delivers 4:
    $20 an hour. 800 permille of $35 are $28, of $30 are $24. First hour: 5 h at $2 and 2 h at $5 are drawn: $20, 8
    unused. Second hour: 5 h at $2 and 4 h at $5: $30, 6 beyond. A ms later, when the
    toy ends, 5 µ$ of the third floor have accrued: 800 permille of 5 accelerator-ms at $2 (2 µ$) and 4 at $5 (5 µ$).
    """
    sites = [
        site(10, price=2 * DOLLAR, steps=[(30 * MINUTE, 5, 30 * MINUTE, None)]),
        site(4, price=5 * DOLLAR),
    ]
    jobs = [job(0, 5, HOUR), job(0, 4, 30 * MINUTE), job(HOUR, 5, HOUR), job(HOUR, 4, HOUR)]
    return Toy(
        world(jobs, sites, providers=[take_or_pay(floor_share=800)], period=HOUR),
        until=2 * HOUR + 1,
        actions={1: [1], 3: [1]},
        expected=rows("""
            0    ARRIVE    0  -        5
            0    ARRIVE    1  -        4
            0    OFFER     0  0        0
            0    OFFER     1  1        1
            0    START     0  0        5
            0    START     1  1        4
            30m  FINISH    1  1        4
            30m  CAPACITY  -  0        5
            1h   FINISH    0  0        5
            1h   POST      0  FEE      $28
            1h   POST      0  USED     $20
            1h   POST      0  UNUSED   $8
            1h   ARRIVE    2  -        5
            1h   ARRIVE    3  -        4
            1h   OFFER     2  0        0
            1h   OFFER     3  1        1
            1h   START     2  0        5
            1h   START     3  1        4
            2h   FINISH    2  0        5
            2h   FINISH    3  1        4
            2h   POST      0  FEE      $24
            2h   POST      0  OVERAGE  $6
            2h   POST      0  USED     $24
        """),
        totals={"floors": dollars(52) + 5, "overage": dollars(6), "bill": dollars(58) + 5},
    )


def a_period_may_have_begun_before_the_world() -> Toy:
    """Section 7: "Use before time 0 in the running period is part of the state a run begins from."

    The hour began 30 min before time 0, in which $3 were drawn; job 0 (4, 30 min) draws 2 more of the $10.
    """
    before = {"first_period": -30 * MINUTE, "used_before": [3 * HOUR], "delivered_before": [10 * HOUR]}
    return Toy(
        world(
            [job(0, 4, 30 * MINUTE)],
            [site(20)],
            providers=[take_or_pay(floor_money=dollars(10))],
            period=HOUR,
            **before,
        ),
        until=30 * MINUTE + 1,
        expected=rows("""
            0    ARRIVE  0  -       4
            0    OFFER   0  0       0
            0    START   0  0       4
            30m  FINISH  0  0       4
            30m  POST    0  FEE     $10
            30m  POST    0  USED    $5
            30m  POST    0  UNUSED  $5
        """),
        totals={"floors": dollars(10), "overage": 0, "bill": dollars(10)},
    )


def settlement_goes_by_provider_then_by_class() -> Toy:
    """Section 7: "providers by number: under take-or-pay FEE, SHORTFALL, OVERAGE, USED, UNUSED; metered one BURST site
    by site."

    Provider 0 (site 1) is owed $4 in arrears, of which $1.50 are drawn; provider 1 (sites 0 and 2) is metered: $2 and
    $1. Jobs 3 and 4 wait for site 2 for the hour: $1 in class 0, $2 in class 1. Offers and starts come after the
    settlement.
    """
    both = [1000, 1000]
    sites = [site(2, provider=1, speed=both), site(3, provider=0, speed=both), site(1, provider=1, speed=both)]
    jobs = [job(0, 2, HOUR), job(0, 3, 30 * MINUTE), job(0, 1, HOUR), job(0, 1, HOUR), job(0, 1, HOUR, cls=1)]
    providers = [take_or_pay(floor_money=dollars(4), in_arrears=True), metered()]
    classes = [JobClass(dollars(1)), JobClass(dollars(2))]
    return Toy(
        world(jobs, sites, providers=providers, classes=classes, period=HOUR),
        until=HOUR + 1,
        actions={1: [1], 2: [2], 3: [2], 4: [2]},
        expected=rows("""
            0    ARRIVE  0  -          2
            0    ARRIVE  1  -          3
            0    ARRIVE  2  -          1
            0    ARRIVE  3  -          1
            0    ARRIVE  4  -          1
            0    OFFER   0  0          0
            0    OFFER   1  1          1
            0    OFFER   2  2          2
            0    OFFER   3  2          2
            0    OFFER   4  2          2
            0    START   0  0          2
            0    START   1  1          3
            0    START   2  2          1
            30m  FINISH  1  1          3
            1h   FINISH  0  0          2
            1h   FINISH  2  2          1
            1h   POST    0  FEE        $1.50
            1h   POST    0  SHORTFALL  $2.50
            1h   POST    0  USED       $1.50
            1h   POST    0  UNUSED     $2.50
            1h   POST    1  BURST      $2
            1h   POST    1  BURST      $1
            1h   POST    0  DELAY      $1
            1h   POST    1  DELAY      $2
            1h   START   3  2          1
        """),
    )


def a_billing_increment_means_nothing_under_take_or_pay() -> Toy:
    """Section 7: the increment stands under "**Metered** contract". 10 min of 6 accelerators are $1, with an increment
    of 1 h.
    """
    providers = [take_or_pay(floor_money=dollars(10))]
    return Toy(
        world([job(0, 6, 10 * MINUTE)], [site(6, increment=HOUR)], providers=providers, period=HOUR),
        until=HOUR + 1,
        expected=rows("""
            0    ARRIVE  0  -       6
            0    OFFER   0  0       0
            0    START   0  0       6
            10m  FINISH  0  0       6
            1h   POST    0  FEE     $10
            1h   POST    0  USED    $1
            1h   POST    0  UNUSED  $9
        """),
    )
