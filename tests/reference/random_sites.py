"""Sites and providers of random worlds."""

from random import Random

from .quantities import MINUTE
from .taste import Taste
from .world import Provider, Site

EVEN = 3_600_000  # µ$ per accelerator-hour: 1 µ$ per accelerator-ms


def random_site(rng: Random, taste: Taste, owner: int, is_metered: bool, classes: int) -> Site:
    """A site of at most 40 accelerators."""
    is_even, tick = taste.is_even, taste.tick
    cube = rng.choice([0, 0, 4, 6])
    has_start_up = taste.has("start-ups") and rng.random() < 0.6
    return Site(
        provider=owner,
        capacity=rng.choice([14, 16, 24] if is_even else [0, 4, 8, 8, 12, 16, 24]),
        price=EVEN if is_even else rng.randint(100_000, 9_999_999),
        speed=[random_speed(rng, taste) for _ in range(classes)],
        granule=rng.choice([1, 1, 1, 2, 4]),
        cube=cube,
        cube_from=rng.randint(1, 12) if cube else 0,
        steps=random_steps(rng, taste),
        price_steps=[
            (at, rng.choice([0, EVEN, 2 * EVEN]) if is_even else rng.randint(0, 9_999_999))
            for at in instants(rng, taste, 4 if is_metered else 0)
        ],
        silicon=rng.choice([0, 0, 1]) if taste.has("silicon") else 0,
        failure=random_gaps(rng, taste) if taste.has("failures") and rng.random() < 0.7 else None,
        start_up=random_start_up(rng, taste) if has_start_up else None,
        usual_start_up=rng.choice([0, 1, taste.part(2), tick, 3 * tick]) if has_start_up else 0,
        denial=rng.choice([tick, tick, 2 * tick, taste.part(2)]) if has_start_up else 1,
        grants=random_grants(rng) if has_start_up else [],
        increment=rng.choice([0, MINUTE, tick, 3 * tick, 7_777, 20 * tick])
        if is_metered and taste.has("increments")
        else 0,
    )


def random_steps(rng: Random, taste: Taste) -> list[tuple[int, int, int, int | None]]:
    """Capacity steps: gains, losses, to zero; surprises, with notice, known at once; promises that are not kept."""
    steps = []
    for at in instants(rng, taste, 24 if taste.is_even else 8):
        capacity = rng.choice(
            [8, 12, 14, 15, 16, 17, 18, 20, 24] if taste.is_even else [0, 2, 4, 4, 8, 8, 12, 16, 24, 40]
        )
        known = [0, -1, rng.choice(taste.moments), at - 1]
        surprising = [] if taste.is_even else [at, at, rng.randint(-at, at)]
        announced = min(at, rng.choice(known + surprising))
        withdrawn = None
        if announced < at and taste.has("promises") and rng.random() < 0.4:
            withdrawn = rng.choice([at, at, rng.randint(max(1, announced + 1), at), *taste.moments])
        is_promise = withdrawn is not None and max(0, announced) < withdrawn <= at
        steps.append((at, capacity, announced, withdrawn if is_promise else None))
    return steps


def random_speed(rng: Random, taste: Taste) -> int:
    """Permille; in a tidy world one that keeps multiples of two ticks multiples of a tick."""
    if taste.is_even:
        return 1000
    return rng.choice([0, 500, 1000, 1000, 2000] if taste.is_tidy else [0, 333, 500, 700, 1000, 1000, 1700, 2000])


def instants(rng: Random, taste: Taste, most: int) -> list[int]:
    """Up to `most` different instants, in order, about half of them among the moments."""
    unit = taste.tick if taste.is_tidy else 1
    last = max(taste.moments) // unit
    number = rng.randint(0, most)
    return sorted({rng.choice([rng.choice(taste.moments), unit * rng.randint(1, last)]) for _ in range(number)})


def table(least: int, most: int, *, bend: int = 0) -> list[int]:
    """2048 quantiles: linear from `least` to `most` by cell, the last `bend` of them twenty times as long."""
    values = [least + (most - least) * cell // 2047 for cell in range(2048)]
    return [*values[: 2048 - bend], *(20 * value for value in values[2048 - bend :])]


def random_gaps(rng: Random, taste: Taste) -> list[int]:
    """Gaps between failures, from one or two per tick to one in thirty; a constant one falls together with ticks."""
    mean = taste.tick * rng.choice([1, 2, 5, 5, 15])
    if taste.is_tidy:
        return table(mean, mean)
    return rng.choice([table(mean, mean), table(mean // 2, 3 * mean // 2), table(0, 2 * mean, bend=1100)])


def random_start_up(rng: Random, taste: Taste) -> list[int]:
    """No time at all, a tick, several, or anything up to a long one."""
    tick = taste.tick
    few = tick * rng.randint(2, 4)
    if taste.is_tidy:
        return [tick] * 1024 + [few] * 1024
    return rng.choice([table(0, 0), table(tick, tick), table(few, few), table(0, 3 * tick), table(0, tick, bend=1050)])


def random_grants(rng: Random) -> list[tuple[int, int]]:
    """Up to 4 points; a probability of 0 only for what is large."""
    sizes = sorted(rng.sample(range(1, 25), rng.randint(0, 4)))
    chances = sorted((rng.choice([0, 250, 500, 900, 1000, rng.randint(0, 1000)]) for _ in sizes), reverse=True)
    return [(size, max(chance, 300) if size < 8 else chance) for size, chance in zip(sizes, chances, strict=True)]


def random_provider(
    rng: Random, taste: Taste, is_metered: bool, sites: list[Site], period: int, number: int
) -> Provider:
    """A provider whose floor or budget is some part of what its sites could draw in one period."""
    most = sum(max(site.capacity, 4) * period * site.price // 3_600_000 for site in sites)
    amount = most * rng.randint(0, 60) // 100
    if taste.is_even:  # an accelerator costs a tick for a tick: budgets may be spent exactly
        amount = taste.tick * rng.choice([amount // taste.tick, rng.randint(1, 20), 4 * rng.randint(1, 20)])
    is_odd = taste.has("leases") and rng.random() < 0.2
    provider = Provider(
        kind="burst" if is_metered != is_odd else "committed",
        tags=rng.choice([0, 3, 7, 7, 7]),
        egress_rate=rng.choice([0, 1, 9, 90_000, 999_999]) if taste.has("data") else 0,
        links=[rng.choice([80, 16 if taste.is_tidy else 27, 8, 8, 4]) for _ in range(number)] if number > 1 else [],
    )
    if is_metered:
        small = amount if taste.is_even else amount // 4
        provider.budget = rng.choice([None, None, amount, 2 * amount, rng.choice([0, small])])
        return provider
    if rng.random() < 0.5:
        provider.floor_money = amount
    else:
        provider.floor_share = rng.choice([0, 100, 333, 800, 1000])
    provider.overage = rng.choice([0, 777, 1000, 1500])
    if taste.has("leases"):
        provider.carry = rng.choice([0, 100, 500, 1000])
        provider.in_arrears = rng.random() < 0.5
        ends = MINUTE * rng.randint(1, 2 + taste.tick * taste.span * 2 // MINUTE)
        provider.ends = rng.choice([None, ends, period * rng.randint(1, 3)])
    return provider
