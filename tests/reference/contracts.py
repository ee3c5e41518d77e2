"""Section 7 of the rules: meters, spend, settlement, accrual, and what a job has cost."""

import itertools
from dataclasses import dataclass

from .log import BURST, DELAY, EGRESS, FEE, OVERAGE, PENALTY, SHORTFALL, UNUSED, USED, WRITTEN_OFF
from .quantities import HOUR, MINUTE, cost, permille
from .state import Running, State


@dataclass
class Totals:
    """At one time, µ$: what is posted and what is accrued together."""

    floors: int
    overage: int
    burst: int
    egress: int
    delay: int
    penalty: int
    write_off: int

    @property
    def avoidable(self) -> int:
        """What a router can save."""
        return self.overage + self.burst + self.egress + self.delay + self.penalty + self.write_off

    @property
    def bill(self) -> int:
        """Avoidable cost and the floors."""
        return self.avoidable + self.floors


def is_metered(state: State, provider: int) -> bool:
    """Whether the contract has neither floor."""
    contract = state.world.providers[provider]
    return contract.floor_money is None and contract.floor_share is None


def is_metered_site(state: State, site: int) -> bool:
    """Whether the site is under a metered contract."""
    return is_metered(state, state.site(site).provider)


# Meters


def let_meters_run(state: State, passed: int) -> None:
    """What is used, delivered and waiting counts for so many ms."""
    for job, run in state.running.items():
        state.use[run.site] += state.footprint(job, run.site) * passed
    for site, capacity in enumerate(state.capacity):
        state.delivered[site] += capacity * passed
    for job in [*state.waiting, *state.starting]:
        state.waited[state.job(job).cls] += state.job(job).gang * passed
        state.life[job].waited += passed


def rest_of_increment(state: State, run: Running) -> int:
    """ms from now to the next multiple of the increment since the run began; at a multiple there is none."""
    increment = state.site(run.site).increment
    return -(state.clock - run.start) % increment if increment > 0 and is_metered_site(state, run.site) else 0


def meter_end_of_run(state: State, job: int, run: Running) -> None:
    """A run ends now, however it does: what it still pays is metered at once, and the job has cost that much."""
    rest = state.footprint(job, run.site) * rest_of_increment(state, run)
    state.use[run.site] += rest
    state.life[job].spent += cost_of_run(state, job, run) + cost(rest, state.price[run.site])


def drawn(state: State, provider: int) -> int:
    """The cost of what the provider's meters show (metered: what is not posted yet)."""
    return sum(cost(state.use[site], state.price[site]) for site in state.sites_of(provider))


def is_spent(state: State, site: int) -> bool:
    """Whether the budget of the site's provider is spent."""
    provider, budget = state.site(site).provider, state.owner(site).budget
    return budget is not None and state.burst_posted[provider] + drawn(state, provider) >= budget


def post_burst(state: State, site: int) -> None:
    """The cost of a running use meter, which begins anew."""
    provider, amount = state.site(site).provider, cost(state.use[site], state.price[site])
    state.use[site] = 0
    state.burst_posted[provider] += amount
    state.post(provider, BURST, amount)


# The period's end


def settle_period(state: State) -> None:
    """Everything is posted, and a new period begins."""
    for provider in range(len(state.world.providers)):
        if is_metered(state, provider):
            for site in state.sites_of(provider):
                post_burst(state, site)
        else:
            settle_floor(state, provider)
    for cls in range(len(state.world.classes)):
        amount = delay_not_posted(state, cls)
        state.delay_posted[cls] += amount
        state.post(cls, DELAY, amount)
    for site in range(len(state.world.sites)):
        state.use[site] = state.delivered[site] = 0
    state.burst_posted = [0 for _ in state.world.providers]
    state.period_start = state.clock


def settle_floor(state: State, provider: int) -> None:
    """The postings under take-or-pay, and what the next period may draw beyond its floor."""
    contract, floor = state.world.providers[provider], floor_so_far(state, provider)
    used = min(drawn(state, provider), floor)
    unused = floor - used
    state.post(provider, FEE, used if contract.in_arrears else floor)
    state.post(provider, SHORTFALL, unused if contract.in_arrears else 0)
    state.post(provider, OVERAGE, overage_so_far(state, provider))
    state.post(provider, USED, used)
    state.post(provider, UNUSED, unused)
    state.carried[provider] = min(unused, permille(floor, contract.carry))


# Accrual


def floor_so_far(state: State, provider: int) -> int:
    """At the period's end it is the floor."""
    contract = state.world.providers[provider]
    if contract.floor_money is None:
        delivered = sum(cost(state.delivered[site], state.price[site]) for site in state.sites_of(provider))
        return permille(delivered, contract.floor_share or 0)
    end = state.clock if contract.ends is None else min(state.clock, contract.ends)
    minutes, whole = max(0, end - state.period_start) // MINUTE, state.world.period // MINUTE
    return (contract.floor_money // whole) * minutes + (contract.floor_money % whole) * minutes // whole


def overage_so_far(state: State, provider: int) -> int:
    """On what was drawn beyond the floor so far and what is carried; at the period's end it is the overage."""
    beyond = drawn(state, provider) - floor_so_far(state, provider) - state.carried[provider]
    return permille(max(0, beyond), state.world.providers[provider].overage)


def delay_not_posted(state: State, cls: int) -> int:
    """The growth of a class's cumulative delay cost since the last posting."""
    return cost(state.waited[cls], state.world.classes[cls].delay_rate) - state.delay_posted[cls]


def totals(state: State) -> Totals:
    """Posted and accrued at the present time."""
    providers = range(len(state.world.providers))
    floored = [provider for provider in providers if not is_metered(state, provider)]
    posted = state.posted
    return Totals(
        floors=posted[FEE] + posted[SHORTFALL] + sum(floor_so_far(state, provider) for provider in floored),
        overage=posted[OVERAGE] + sum(overage_so_far(state, provider) for provider in floored),
        burst=posted[BURST] + sum(drawn(state, provider) for provider in providers if is_metered(state, provider)),
        egress=posted[EGRESS],
        delay=posted[DELAY] + sum(delay_not_posted(state, cls) for cls in range(len(state.world.classes))),
        penalty=posted[PENALTY],
        write_off=posted[WRITTEN_OFF],
    )


# Cost of a job


def price_integral(state: State, site: int, to: int) -> int:
    """The price of the site over time from 0 to `to`, µ$ × ms per accelerator-hour."""
    place = state.site(site)
    steps = [(0, place.price), *((at, price) for at, price in place.price_steps if at < to), (to, 0)]
    return sum(price * (end - begin) for (begin, price), (end, _) in itertools.pairwise(steps))


def cost_of_run(state: State, job: int, run: Running) -> int:
    """µ$ from its start to now, without the rest of an increment."""
    if not is_metered_site(state, run.site):
        return 0
    n = state.footprint(job, run.site)
    difference = price_integral(state, run.site, state.clock) - price_integral(state, run.site, run.start)
    return (difference // HOUR) * n + (difference % HOUR) * n // HOUR
