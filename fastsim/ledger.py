"""Contracts, meters and the double-entry ledger (rules.md, section 6). Money in µ$.

A meter is a line: use(t) = rate × t + offset. It changes only when its rate does, so nothing is integrated between
events, and any account can be read at any instant.
"""

from .jit import kernel
from .log import POST, record
from .spec import Spec
from .state import World
from .units import MINUTE, cost, permille

FEE, OVERAGE, BURST_USE, USED, UNUSED, DELAY, WRITE_OFF_ACCOUNT, SHORTFALL, EGRESS, PENALTY = range(10)
ACCOUNTS = (*("FEE", "OVERAGE", "BURST", "USED", "UNUSED", "DELAY", "WRITE_OFF", "SHORTFALL", "EGRESS", "PENALTY"),)


@kernel
def meter(world: World, site: int, change: int) -> None:
    """Accelerators of running jobs at a site change by `change` now; its meters keep their readings."""
    state = world.state[0]
    now = state.now
    state.metered[site] += change
    state.use_offset[site] -= change * now
    state.busy_offset[site] -= change * now


@kernel
def resize(world: World, site: int, capacity: int) -> None:
    """A site's capacity becomes `capacity` now; what it has delivered stays."""
    state = world.state[0]
    change = (state.capacity[site] - capacity) * state.now
    state.delivered_offset[site] += change
    state.supply_offset[site] += change
    state.capacity[site] = capacity


@kernel
def wait(world: World, cls: int, change: int) -> None:
    """Accelerators' worth of waiting gangs of a class changes by `change` now."""
    state = world.state[0]
    state.waiting_gangs[cls] += change
    state.wait_offset[cls] -= change * state.now


@kernel
def miss_service(world: World, cls: int, missing: int) -> None:
    """Accelerator-ms for which blocks of a class run without serving: they count as waited."""
    world.state[0].wait_offset[cls] += missing


@kernel
def use(world: World, site: int) -> int:
    """Accelerator-ms used at a site since its last posting."""
    state = world.state[0]
    return state.metered[site] * state.now + state.use_offset[site]


@kernel
def price_integral(world: World, site: int) -> int:
    """The site's price integrated over time from 0 to now, µ$·ms per hour."""
    state = world.state[0]
    return state.price[site] * state.now + state.price_offset[site]


@kernel
def change_price(world: World, site: int, price: int) -> None:
    """A site's price becomes `price` now; its integral keeps its reading."""
    state = world.state[0]
    state.price_offset[site] += (state.price[site] - price) * state.now
    state.price[site] = price


@kernel
def run_cost(spec: Spec, world: World, slot: int) -> int:
    """Cost [µ$] of a job's present run up to now; nothing under take-or-pay."""
    item = world.live[slot]
    if spec.rules[0].take_or_pay[spec.rules[0].provider[item.site]] == 1:
        return 0
    paid = price_integral(world, item.site) - item.price_mark
    return paid // 3_600_000 * item.accelerators + paid % 3_600_000 * item.accelerators // 3_600_000


@kernel
def fill_increment(spec: Spec, world: World, slot: int) -> int:
    """The use of a run that ends now counts on to the end of its billing increment; returns what that costs, µ$."""
    item = world.live[slot]
    increment = spec.rules[0].increment[item.site]
    if increment == 0 or spec.rules[0].take_or_pay[spec.rules[0].provider[item.site]] == 1:
        return 0
    ran = world.state[0].now - item.start
    rest = item.accelerators * ((ran + increment - 1) // increment * increment - ran)
    world.state[0].use_offset[item.site] += rest
    return cost(rest, world.state[0].price[item.site])


@kernel
def post(world: World, subject: int, account: int, amount: int) -> None:
    """Log one posting; zeros are not posted."""
    if amount != 0:
        record(world, POST, subject, account, amount)


@kernel
def post_burst(spec: Spec, world: World, site: int) -> None:
    """Post a metered site's running meter and begin it anew."""
    state = world.state[0]
    amount = cost(use(world, site), state.price[site])
    provider = spec.rules[0].provider[site]
    state.burst[provider] += amount
    state.spend[provider] += amount
    state.use_offset[site] = -state.metered[site] * state.now
    post(world, provider, BURST_USE, amount)


@kernel
def spend(spec: Spec, world: World, provider: int) -> int:
    """Metered cost of the running period: posted in it, and on running meters."""
    total = world.state[0].spend[provider]
    for site in range(spec.rules[0].sites):
        if spec.rules[0].provider[site] == provider:
            total += cost(use(world, site), world.state[0].price[site])
    return total


@kernel
def budget_is_spent(spec: Spec, world: World, provider: int) -> bool:
    """A provider without a budget never has it spent."""
    budget = spec.rules[0].budget[provider]
    return budget >= 0 and spend(spec, world, provider) >= budget


@kernel
def drawn(spec: Spec, world: World, provider: int) -> int:
    """Value of what was used under take-or-pay in the running period, at its prices."""
    total = 0
    for site in range(spec.rules[0].sites):
        if spec.rules[0].provider[site] == provider:
            total += cost(use(world, site), world.state[0].price[site])
    return total


@kernel
def floor_so_far(spec: Spec, world: World, provider: int) -> int:
    """The floor that has accrued in the running period; at the period's end, the floor."""
    state = world.state[0]
    rules = spec.rules[0]
    if rules.floor_money[provider] >= 0:
        elapsed = max(0, min(state.now, rules.ends[provider]) - state.period_begin) // MINUTE
        minutes = (state.period_end - state.period_begin) // MINUTE
        return (
            rules.floor_money[provider] // minutes * elapsed
            + rules.floor_money[provider] % minutes * elapsed // minutes
        )
    value = 0
    for site in range(rules.sites):
        if rules.provider[site] == provider:
            value += cost(state.capacity[site] * state.now + state.delivered_offset[site], state.price[site])
    return permille(value, rules.floor_share[provider])


@kernel
def overage_so_far(spec: Spec, world: World, provider: int) -> int:
    """Overage on what was drawn beyond the floor so far; at the period's end, the overage."""
    beyond = drawn(spec, world, provider) - floor_so_far(spec, world, provider) - world.state[0].carried[provider]
    return permille(beyond, spec.rules[0].overage_ratio[provider]) if beyond > 0 else 0


@kernel
def delay_total(spec: Spec, world: World, cls: int) -> int:
    """Delay cost of a class since the beginning."""
    state = world.state[0]
    return cost(state.waiting_gangs[cls] * state.now + state.wait_offset[cls], spec.rules[0].delay_rate[cls])


@kernel
def settle(spec: Spec, world: World) -> None:
    """The period ends now: post everything, provider by provider, then delay class by class; begin the next."""
    state = world.state[0]
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].take_or_pay[provider] == 1:
            settle_commitment(spec, world, provider)
        else:
            for site in range(spec.rules[0].sites):
                if spec.rules[0].provider[site] == provider:
                    post_burst(spec, world, site)
            state.spend[provider] = 0
    for cls in range(spec.rules[0].classes):
        total = delay_total(spec, world, cls)
        post(world, cls, DELAY, total - state.delay_posted[cls])
        state.delay_posted[cls] = total
    state.period_begin = state.period_end
    state.period_end += spec.rules[0].period


@kernel
def settle_commitment(spec: Spec, world: World, provider: int) -> None:
    """Fee, shortfall, overage, used and unused of one take-or-pay contract, in both views."""
    state, rules = world.state[0], spec.rules[0]
    floor = floor_so_far(spec, world, provider)
    overage = overage_so_far(spec, world, provider)
    used = min(drawn(spec, world, provider), floor)
    shortfall = floor - used if rules.in_arrears[provider] == 1 else 0
    state.fee[provider] += floor - shortfall
    state.shortfall[provider] += shortfall
    state.overage[provider] += overage
    state.used[provider] += used
    state.unused[provider] += floor - used
    state.carried[provider] = min(floor - used, permille(floor, rules.carry[provider]))
    post(world, provider, FEE, floor - shortfall)
    post(world, provider, SHORTFALL, shortfall)
    post(world, provider, OVERAGE, overage)
    post(world, provider, USED, used)
    post(world, provider, UNUSED, floor - used)
    for site in range(spec.rules[0].sites):
        if spec.rules[0].provider[site] == provider:
            state.use_offset[site] = -state.metered[site] * state.now
            state.delivered_offset[site] = -state.capacity[site] * state.now


@kernel
def overage_cost(spec: Spec, world: World) -> int:
    """Overage of all take-or-pay contracts, posted and accrued."""
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].take_or_pay[provider] == 1:
            total += world.state[0].overage[provider] + overage_so_far(spec, world, provider)
    return total


@kernel
def burst_cost(spec: Spec, world: World) -> int:
    """Metered use of all providers, posted and accrued."""
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].take_or_pay[provider] == 0:
            state = world.state[0]
            total += state.burst[provider] - state.spend[provider] + spend(spec, world, provider)
    return total


@kernel
def delay_cost(spec: Spec, world: World) -> int:
    """Delay of all classes, posted and accrued."""
    total = 0
    for cls in range(spec.rules[0].classes):
        total += delay_total(spec, world, cls)
    return total


@kernel
def egress_cost(spec: Spec, world: World) -> int:
    """Data that left all providers."""
    total = 0
    for provider in range(spec.rules[0].providers):
        total += world.state[0].egress[provider]
    return total


@kernel
def floors(spec: Spec, world: World) -> int:
    """Floors of all take-or-pay contracts, posted and accrued: owed whatever is done."""
    state = world.state[0]
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].take_or_pay[provider] == 1:
            total += state.fee[provider] + state.shortfall[provider] + floor_so_far(spec, world, provider)
    return total


@kernel
def avoidable_cost(spec: Spec, world: World) -> int:
    """What routing can change: overage, burst, egress, delay, penalties and write-offs, posted and accrued."""
    total = overage_cost(spec, world) + burst_cost(spec, world) + egress_cost(spec, world) + delay_cost(spec, world)
    return total + world.state[0].penalties + world.state[0].write_offs
