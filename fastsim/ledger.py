"""Contracts, meters and the double-entry ledger (rules.md, section 6). Money in µ$.

A meter is a line: use(t) = rate × t + offset. It changes only when its rate does, so nothing is integrated between
events, and any account can be read at any instant.
"""

from .jit import kernel
from .log import POST, record
from .spec import BURST, COMMITTED, Spec
from .state import World
from .units import MINUTE, cost, permille

FEE, OVERAGE, BURST_USE, USED, UNUSED, DELAY, WRITE_OFF_ACCOUNT = range(7)
ACCOUNTS = ("FEE", "OVERAGE", "BURST", "USED", "UNUSED", "DELAY", "WRITE_OFF")


@kernel
def occupy(world: World, site: int, change: int) -> None:
    """Accelerators in use at a site change by `change` now; its meters keep their readings."""
    state = world.state[0]
    now = state.now
    state.occupied[site] += change
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
def use(world: World, site: int) -> int:
    """Accelerator-ms used at a site since its last posting."""
    state = world.state[0]
    return state.occupied[site] * state.now + state.use_offset[site]


@kernel
def post(world: World, subject: int, account: int, amount: int) -> None:
    """Log one posting; zeros are not posted."""
    if amount != 0:
        record(world, POST, subject, account, amount)


@kernel
def post_burst(spec: Spec, world: World, site: int) -> None:
    """Post a burst site's running meter and begin it anew."""
    state = world.state[0]
    amount = cost(use(world, site), state.price[site])
    provider = spec.rules[0].provider[site]
    state.burst[provider] += amount
    state.spend[provider] += amount
    state.use_offset[site] = -state.occupied[site] * state.now
    post(world, provider, BURST_USE, amount)


@kernel
def spend(spec: Spec, world: World, provider: int) -> int:
    """Burst cost of the running period: posted in it, and on running meters."""
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
    """Value of a committed provider's use in the running period, at its committed prices."""
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
        elapsed = (state.now - state.period_begin) // MINUTE
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
    beyond = drawn(spec, world, provider) - floor_so_far(spec, world, provider)
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
        if spec.rules[0].kind[provider] == COMMITTED:
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
    """Fee, overage, used and unused of one committed provider, in both views."""
    state = world.state[0]
    fee = floor_so_far(spec, world, provider)
    overage = overage_so_far(spec, world, provider)
    used = min(drawn(spec, world, provider), fee)
    state.fee[provider] += fee
    state.overage[provider] += overage
    state.used[provider] += used
    state.unused[provider] += fee - used
    post(world, provider, FEE, fee)
    post(world, provider, OVERAGE, overage)
    post(world, provider, USED, used)
    post(world, provider, UNUSED, fee - used)
    for site in range(spec.rules[0].sites):
        if spec.rules[0].provider[site] == provider:
            state.use_offset[site] = -state.occupied[site] * state.now
            state.delivered_offset[site] = -state.capacity[site] * state.now


@kernel
def overage_cost(spec: Spec, world: World) -> int:
    """Overage of all committed providers, posted and accrued."""
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].kind[provider] == COMMITTED:
            total += world.state[0].overage[provider] + overage_so_far(spec, world, provider)
    return total


@kernel
def burst_cost(spec: Spec, world: World) -> int:
    """Metered use of all burst providers, posted and accrued."""
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].kind[provider] == BURST:
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
def fees(spec: Spec, world: World) -> int:
    """Floors of all committed providers, posted and accrued: owed whatever is done."""
    total = 0
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].kind[provider] == COMMITTED:
            total += world.state[0].fee[provider] + floor_so_far(spec, world, provider)
    return total


@kernel
def avoidable_cost(spec: Spec, world: World) -> int:
    """What routing can change: overage, burst, delay and write-offs, posted and accrued."""
    return overage_cost(spec, world) + burst_cost(spec, world) + delay_cost(spec, world) + world.state[0].write_offs
