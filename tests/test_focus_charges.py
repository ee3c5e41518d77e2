"""Charges of a FOCUS export: who bears what, in worlds worked by hand, and that nothing is lost in random ones."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tidegate.agents.focus.apportion import apportioned, taken_in_order
from tidegate.agents.focus.bill import charges
from tidegate.agents.focus.charge import Charge, Kind
from tidegate.agents.rules.catalogue import RULES
from tidegate.fastsim.units import DAY, HOUR, MINUTE

from .bills import owed
from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, random_world
from .reference.toys import UNIT, burst, committed, job, site, world

USE = {Kind.COVERED, Kind.CARRIED, Kind.OVERAGE, Kind.METERED}


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (10, [5, 3, 2], [5, 3, 2]),
        (1, [1, 2, 2], [0, 1, 0]),
        (0, [0, 0], [0, 0]),
        (7, [0, 9], [0, 7]),
        (10**18, [10**18, 2 * 10**18], [333333333333333333, 666666666666666667]),
    ],
)
def test_the_largest_remainders_are_rounded_up(amount, weights, parts):
    assert apportioned(amount, weights) == parts


def test_nothing_cannot_bear_something():
    with pytest.raises(ValueError, match="weights are 0"):
        apportioned(1, [0, 0])


def test_groups_are_emptied_in_their_order():
    assert taken_in_order(7, [[2, 1], [4, 4], [5]]) == [[2, 1], [2, 2], [0]]


# Worlds worked by hand, where an accelerator-ms costs 1 µ$.


def played(small: Any, until: int) -> list[Charge]:
    worlds = begun(small)
    worlds.play(RULES["first-fit"](), until)
    return charges(worlds)


def brief(found: list[Charge], *, is_open: bool = False) -> list[tuple[Any, ...]]:
    """Kind, begin, end, billed and effective of each charge of the billing periods that are settled, or open."""
    return [
        (charge.kind.name, charge.begin, charge.end, charge.billed, charge.effective)
        for charge in found
        if charge.period.is_open == is_open
    ]


def test_a_commitment_is_drawn_down_in_the_order_of_time():
    """A floor of 1.5 days of one accelerator in a period of three, overage at 1,500 permille; it is used throughout."""
    terms = {"floor_money": 3 * DAY // 2, "overage": 1500}
    small = world([job(0, 1, 4 * DAY)], [site(1)], providers=[committed(**terms)], period=3 * DAY)
    assert brief(played(small, 3 * DAY + 1)) == [
        ("FEE", 0, 3 * DAY, 3 * DAY // 2, 0),
        ("COVERED", 0, DAY, 0, DAY),
        ("COVERED", DAY, 2 * DAY, 0, DAY // 2),
        ("OVERAGE", DAY, 2 * DAY, 3 * DAY // 4, 3 * DAY // 4),
        ("OVERAGE", 2 * DAY, 3 * DAY, 3 * DAY // 2, 3 * DAY // 2),
    ]


def test_what_is_carried_over_pays_before_overage_does():
    """A floor of a day, carried whole: nothing is used on day 0, so 1 is carried; on day 1 three accelerators run."""
    small = world([job(DAY, 3, DAY)], [site(3)], providers=[committed(floor_money=DAY, carry=1000)])
    assert brief(played(small, 2 * DAY + 1)) == [
        ("FEE", 0, DAY, DAY, 0),
        ("UNUSED", 0, DAY, 0, DAY),
        ("FEE", DAY, 2 * DAY, DAY, 0),
        ("COVERED", DAY, 2 * DAY, 0, DAY),
        ("CARRIED", DAY, 2 * DAY, 0, 0),
        ("OVERAGE", DAY, 2 * DAY, DAY, DAY),
    ]


def test_a_flat_lease_is_borne_by_all_its_use_alike():
    """A fee of a day's use for three days: two accelerators run on the first, one on the second."""
    jobs = [job(0, 2, DAY), job(DAY, 1, DAY)]
    small = world(jobs, [site(2)], providers=[committed(floor_money=DAY, overage=0)], period=3 * DAY)
    assert brief(played(small, 3 * DAY + 1)) == [
        ("FEE", 0, 3 * DAY, DAY, 0),
        ("COVERED", 0, DAY, 0, 2 * DAY // 3),
        ("COVERED", DAY, 2 * DAY, 0, DAY // 3),
    ]


def test_in_arrears_the_unused_part_is_a_purchase_of_its_own():
    small = world([job(0, 1, HOUR)], [site(1)], providers=[committed(floor_money=DAY, in_arrears=True)])
    assert brief(played(small, DAY + 1)) == [
        ("FEE", 0, DAY, HOUR, 0),
        ("SHORTFALL", 0, DAY, DAY - HOUR, 0),
        ("COVERED", 0, DAY, 0, HOUR),
        ("UNUSED", 0, DAY, 0, DAY - HOUR),
    ]


def test_classes_of_one_day_share_what_covers_it():
    """A floor of half of what three accelerators use: each class is covered to a half, and the rest is overage."""
    jobs = [job(0, 1, DAY), job(0, 2, DAY, cls=1)]
    terms = {"providers": [committed(floor_money=3 * DAY // 2)], "delay_rates": [0, 0]}
    found = played(world(jobs, [site(3, speed=[1000, 1000])], **terms), DAY + 1)
    assert [(charge.kind.name, charge.cls, charge.effective) for charge in found if not charge.period.is_open] == [
        ("FEE", -1, 0),
        ("COVERED", 0, DAY // 2),
        ("COVERED", 1, DAY),
        ("OVERAGE", 0, DAY // 2),
        ("OVERAGE", 1, DAY),
    ]


def test_a_billing_increment_is_priced_and_not_consumed():
    """A minute is billed for a run of a second."""
    (charge,) = played(world([job(0, 1, 1000)], [site(1, increment=MINUTE)]), DAY)
    assert (charge.billed, charge.priced, charge.consumed) == (MINUTE, 16_666_667, 277_778)


def test_a_price_step_begins_a_new_charge_period():
    small = world([job(0, 1, DAY)], [site(1, price_steps=[(HOUR, 2 * UNIT)])])
    assert brief(played(small, DAY), is_open=True) == [
        ("METERED", 0, HOUR, HOUR, HOUR),
        ("METERED", HOUR, DAY, 2 * (DAY - HOUR), 2 * (DAY - HOUR)),
    ]


def test_the_open_period_is_accrued():
    """Half a day into a period of one: half the floor."""
    found = played(world([], [site(1)], providers=[committed(floor_money=DAY)]), DAY // 2)
    assert brief(found, is_open=True) == [
        ("FEE", 0, DAY // 2, DAY // 2, 0),
        ("UNUSED", 0, DAY // 2, 0, DAY // 2),
    ]
    assert {charge.period.end for charge in found} == {DAY}


def test_a_commitment_that_ends_is_charged_until_then():
    """It ends an hour into the second day."""
    small = world([], [site(1)], providers=[committed(floor_money=DAY, ends=DAY + HOUR)])
    fees = [line for line in brief(played(small, 3 * DAY + 1)) if line[0] == "FEE"]
    assert fees == [("FEE", 0, DAY, DAY, 0), ("FEE", DAY, DAY + HOUR, HOUR, 0)]


def test_data_that_leave_are_charged_to_their_source():
    """5 GB lie at provider 1, whose rate is 2 µ$ per GB; the run begins at 7."""
    owners = [burst(links=[0, 8000]), burst(egress_rate=2, links=[8000, 0])]
    small = world([job(7, 1, 10, input=5000, home=1)], [site(1), site(1, provider=1)], providers=owners)
    (charge,) = (charge for charge in played(small, DAY) if charge.kind is Kind.EGRESS)
    assert (charge.provider, charge.begin, charge.end, charge.billed) == (1, 0, DAY, 10)
    assert (charge.priced, charge.consumed, charge.unit_price) == (5 * 10**9, 5 * 10**9, 2000)


@pytest.mark.parametrize("seed", [*range(10), 52, 114])  # in the last two somebody is preempted as a meter begins anew
def test_in_a_random_world_every_account_of_the_ledger_is_distributed_without_loss(seed):
    """With every rule switched on; the worlds of the differential test, empty at time 0."""
    drawn = random_world(seed)
    nothing = [0] * len(drawn.sites)
    worlds = begun(replace(drawn, used_before=nothing, delivered_before=nothing))
    worlds.play(keyed_agent(seed), horizon(drawn))
    found, state, totals = charges(worlds), worlds.state(), worlds.totals()
    assert sum(charge.billed for charge in found) == sum(charge.effective for charge in found) == owed(totals)
    settled: Counter[tuple[Kind, int]] = Counter()
    for charge in found:
        if not charge.period.is_open:
            settled[charge.kind, charge.provider] += max(charge.billed, charge.effective)
    columns = {Kind.FEE: "fee", Kind.SHORTFALL: "shortfall", Kind.OVERAGE: "overage"}
    for kind, column in (columns | {Kind.COVERED: "used", Kind.UNUSED: "unused"}).items():
        posted = [int(amount) for amount in state[column][: len(drawn.providers)]]
        assert [settled[kind, provider] for provider in range(len(drawn.providers))] == posted
    used = sum(charge.consumed or 0 for charge in found if charge.kind in USE)
    busy = sum(int(state.metered[s]) * int(state.now) + int(state.busy_offset[s]) for s in range(len(drawn.sites)))
    assert used == pytest.approx(busy * 10**9 / HOUR, abs=len(found))
