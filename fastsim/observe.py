"""What a router may see, as one vector of ratios in [−1, 1].

Counts and times become float64 once, are combined in float64, and are cast to float32 once, at the store: the same bits
with and without Numba. Hidden things (walltimes, surprises, the future) have no way in: this file never reads
`jobs.walltime` or an unannounced step.
"""

from .estimate import ahead, expected_start_up, marginal_price, wait_behind
from .jit import kernel
from .layout import Layout
from .ledger import drawn, floor_so_far, spend
from .needs import egress_to, footprint, grant_chance, planned_length, set_up
from .offers import offered_slot
from .plan import planned_capacity
from .preemption import preemptible_below
from .runs import running_slot
from .spec import COMMITTED, PRIORITIES, Jobs, Spec
from .state import RELEASES, SLOT_BITS, SLOT_MASK, UNPLACED, World
from .timeline import weight_before
from .units import scaled_up
from .weighing import PARTS, dearest_metered, logarithm, share_out, weigh

JOB_FEATURES = (
    "gang",  # squashed at 64 accelerators
    "gang_share",  # of all present capacity
    "requested_hours",  # squashed at 4 h
    "requested_days",  # squashed at 3 days
    "delay_rate",  # $ per accelerator-hour, squashed at 1
    "waited_hours",  # squashed at 1 h
    "hold_age",  # waited / max_hold
    "attempts",  # offers before this one, squashed at 8
    "is_fresh",
    "is_held",
    "priority",
    "legal_sites",  # share of the sites
    "deadline_slack",  # deadline less now and the requested time, squashed at 1 day; 1: no deadline
    "penalty",  # of a missed deadline over a day of delay, squashed at 1
    "is_service",  # a block of serving
    "progress",  # share of the requested work that is saved
    "data",  # squashed at 1 TB
    "is_preemptible",
    "descendants",  # squashed at 4
    "path_days",  # longest chain of requested walltimes after it, squashed at 1 day
    "accelerator_octaves",  # logarithm of its gang, over 16 octaves
    "hours_octaves",  # of the requested walltime in hours, over 12
    "rate_octaves",  # of the delay rate in $ per accelerator-hour, over 8
    "waited_octaves",  # of the time waited in quarter-hours and one more, over 12
)
CLOCK_FEATURES = (
    "day_phase",  # triangle waves over the day, a quarter apart, and over the week
    "day_quarter",
    "week_phase",
    "week_quarter",
    "period_elapsed",
    "waiting_jobs",  # squashed at 32
    "held_jobs",  # squashed at 32
    "offers_left",  # at this instant, squashed at 8
    "waiting_share",  # waiting gangs over capacity, squashed at 1
    "waiting_rate",  # $ per hour of delay over capacity, squashed at 0.1 per accelerator
)
SITE_FEATURES = (
    "is_committed",
    "is_legal",
    "is_here",  # the job is queued here now
    "capacity_share",  # of all sites
    "free_share",  # of its capacity
    "fits_now",
    "queued_share",  # queued accelerators over capacity, squashed at 1
    "ahead_share",  # those before this job
    "wait_hours",  # estimated wait, squashed at 1 h
    "wait_days",  # squashed at 12 h
    "wait_work",  # estimated wait over the job's requested time there, squashed at 1
    "released_15m",  # released by requested ends within …, share of capacity
    "released_1h",
    "released_4h",
    "released_12h",
    "released_1d",
    "released_3d",
    "footprint_share",  # the job's accelerators over capacity
    "price",  # $ per accelerator-hour, squashed at 4
    "marginal_price",  # avoidable part of it
    "cost_per_delay",  # avoidable cost of the job here over a day of its delay, squashed at 1
    "delay_per_day",  # delay cost of the estimated wait over a day of delay at price 4, squashed at 1
    "price_change",  # next step within a week: relative change
    "drawn_share",  # commitment drawn over floor so far, squashed at 1; burst: spend over budget
    "capacity_change",  # next announced step: relative change
    "capacity_change_days",  # time until then, squashed at 3 days
    "speed",  # squashed at 1
    "days_of_queue",  # queued work over capacity, squashed at 12 h
    "start_up_hours",  # expected, denials included, squashed at 1 h
    "set_up_hours",  # staging, port and restart, squashed at 1 h
    "grant_chance",  # of one request
    "data_share",  # of the job's data that lie there; 1: it has none
    "egress_per_delay",  # of moving the others over a day of delay, squashed at 1
    "partner",  # 1: runs at this provider, −1: at another, 0: does not run
    "deadline_after",  # deadline less the planned end here, squashed at 1 day; 1: no deadline
    "failures",  # to be expected while it runs here, squashed at 1
    "lowest_capacity",  # the lowest that is known while it runs here, over the present one, at most 1
    "capacity_28d",  # known capacity in 28 days: relative change
    "yielding_share",  # what runs here and would make way for it once it has run long enough, over capacity
    # Shares of what the job would cost at all legal sites (weighing.py):
    "metered_cost",  # avoidable price of the requested work, and egress
    "committed_cost",  # list price of the same under take-or-pay
    "waiting_cost",  # delay cost of the estimated wait; 1: not legal
    "starting_cost",  # of the expected start-up
    "evicting_cost",  # what the runs lose that would make way for it now
    "makes_way",  # 1: some would
    "delay_hour",  # delay cost of the job for an hour
)
HORIZONS = (900_000, 3_600_000, 14_400_000, 43_200_000, 86_400_000, 259_200_000)
JOB_COUNT, CLOCK_COUNT, SITE_COUNT = len(JOB_FEATURES), len(CLOCK_FEATURES), len(SITE_FEATURES)
FIRST_PART = JOB_COUNT + CLOCK_COUNT + SITE_FEATURES.index("metered_cost")
H, D, W = 3_600_000.0, 86_400_000.0, 604_800_000.0


def layout(sites: int) -> Layout:
    """Where the parts lie for a world of `sites` sites."""
    return Layout(JOB_COUNT, CLOCK_COUNT, SITE_COUNT, sites)


@kernel
def squash(value: float, scale: float) -> float:
    """Value / (scale + |value|): order kept, no bounds lost."""
    return value / (scale + abs(value))


@kernel
def triangle(phase: float) -> float:
    """A wave of period 1 from 1 at phase 0 to −1 at 1/2: a cosine without libm."""
    rest = phase - int(phase)
    return 4.0 * abs(rest - 0.5) - 1.0


@kernel
def observe(spec: Spec, jobs: Jobs, world: World, mask, out) -> None:
    """Write the observation of the present offer; `mask` is its legal actions.

    `out`: float32, as long as the layout says.
    """
    total = 0
    for site in range(world.state[0].sites):
        total += world.state[0].capacity[site]
    capacity = float(max(total, 1))
    observe_job(spec, jobs, world, mask, capacity, out)
    observe_clock(spec, world, capacity, out)
    partner = partners_provider(spec, jobs, world)
    work = jobs[world.live[offered_slot(world)].job]
    hour = float(spec.rules[0].delay_rate[work.cls]) * float(work.gang)
    dearest = dearest_metered(spec, world)
    for site in range(world.state[0].sites):
        wait = observe_site(spec, jobs, world, site, mask[site], capacity, out)
        observe_stay(spec, jobs, world, site, wait, partner, out)
        if mask[site] == 1:
            first = FIRST_PART + site * SITE_COUNT
            weigh(spec, jobs, world, site, wait, hour, dearest, out[first : first + PARTS])
    share_out(mask, hour, FIRST_PART, SITE_COUNT, out)


@kernel
def observe_job(spec: Spec, jobs: Jobs, world: World, mask, capacity: float, out) -> None:
    """The job that is offered."""
    state, rules = world.state[0], spec.rules[0]
    item = world.live[offered_slot(world)]
    work = jobs[item.job]
    gang, requested = float(work.gang), float(work.requested)
    waited = float(state.now - item.ready)
    legal = 0
    for site in range(state.sites):
        legal += mask[site]
    out[0] = squash(gang, 64.0)
    out[1] = gang / (capacity + gang)
    out[2] = squash(requested, 4.0 * H)
    out[3] = squash(requested, 3.0 * D)
    out[4] = squash(float(rules.delay_rate[work.cls]), 1e6)
    out[5] = squash(waited, H)
    out[6] = min(waited / float(max(rules.max_hold, 1)), 1.0)
    out[7] = squash(float(item.attempts), 8.0)
    out[8] = 1.0 if item.site == UNPLACED else 0.0
    out[9] = 1.0 if item.site == state.sites else 0.0
    out[10] = float(work.priority) / 7.0
    out[11] = float(legal) / float(state.sites)
    day_of_delay = float(rules.delay_rate[work.cls]) * gang * 24.0 + 1.0
    out[12] = squash(float(work.deadline - state.now) - requested, D) if work.deadline > 0 else 1.0
    out[13] = squash(float(work.penalty), day_of_delay)
    out[14] = 1.0 if work.until > 0 else 0.0
    out[15] = 1.0 - float(item.claim) / max(requested, 1.0)
    out[16] = squash(float(item.megabytes), 1e6)
    out[17] = float(rules.preemptible[work.cls])
    out[18] = squash(float(work.descendants), 4.0)
    out[19] = squash(float(work.path), D)
    out[20] = logarithm(gang, 16.0)
    out[21] = logarithm(max(requested, 1.0) / H, 12.0)
    out[22] = logarithm(float(max(rules.delay_rate[work.cls], 1)) / 1e6, 8.0)
    out[23] = logarithm(1.0 + waited / (0.25 * H), 12.0)


@kernel
def observe_clock(spec: Spec, world: World, capacity: float, out) -> None:
    """Time, the period, and all that waits."""
    state, rules = world.state[0], spec.rules[0]
    now = float(state.now)
    gangs, rate = 0.0, 0.0
    for cls in range(rules.classes):
        gangs += float(state.waiting_gangs[cls])
        rate += float(state.waiting_gangs[cls]) * float(rules.delay_rate[cls])
    at = JOB_COUNT
    out[at] = triangle(now / D)
    out[at + 1] = triangle(now / D + 0.25)
    out[at + 2] = triangle(now / W)
    out[at + 3] = triangle(now / W + 0.25)
    out[at + 4] = float(state.now - state.period_begin) / float(state.period_end - state.period_begin)
    out[at + 5] = squash(float(state.waiting), 32.0)
    out[at + 6] = squash(float(state.held), 32.0)
    out[at + 7] = squash(float(state.offers - state.offer - 1), 8.0)
    out[at + 8] = squash(gangs, capacity)
    out[at + 9] = squash(rate, 1e5 * capacity)


@kernel
def observe_site(spec: Spec, jobs: Jobs, world: World, site: int, legal: int, total: float, out) -> int:
    """One site, for the job that is offered; returns its estimated wait there [ms]."""
    state, rules = world.state[0], spec.rules[0]
    slot = offered_slot(world)
    item = world.live[slot]
    work = jobs[item.job]
    speed = rules.speed[site, work.cls]
    gang = footprint(spec, work.gang, site)
    requested = float(scaled_up(work.requested, speed) if speed > 0 else work.requested)
    capacity = float(max(state.capacity[site], 1))
    free = float(state.capacity[site] - state.occupied[site])
    before, work_before = ahead(world, slot, site)
    estimate = wait_behind(spec, world, gang, site, before, work_before)
    wait = float(estimate)
    queued, queued_work = 0.0, 0.0
    for priority in range(PRIORITIES):
        queued += float(state.queued_accelerators[site, priority])
        queued_work += float(state.queued_work[site, priority])
    price, marginal = float(state.price[site]), float(marginal_price(spec, world, site))
    day_of_delay = float(rules.delay_rate[work.cls]) * float(work.gang) * D
    at = JOB_COUNT + CLOCK_COUNT + site * SITE_COUNT
    out[at] = 1.0 if rules.kind[rules.provider[site]] == COMMITTED else 0.0
    out[at + 1] = float(legal)
    out[at + 2] = 1.0 if item.site == site else 0.0
    out[at + 3] = capacity / total
    out[at + 4] = free / capacity
    out[at + 5] = 1.0 if wait == 0.0 else 0.0
    out[at + 6] = squash(queued, capacity)
    out[at + 7] = squash(float(before), capacity)
    out[at + 8] = squash(wait, H)
    out[at + 9] = squash(wait, 12.0 * H)
    out[at + 10] = squash(wait, requested)
    observe_releases(world, site, capacity, out, at + 11)
    out[at + 17] = min(float(gang) / capacity, 1.0)
    out[at + 18] = squash(price, 4e6)
    out[at + 19] = squash(marginal, 4e6)
    out[at + 20] = squash(marginal * float(gang) * requested, day_of_delay + 1.0)
    out[at + 21] = squash(float(rules.delay_rate[work.cls]) * wait, 4e6 * D)
    out[at + 22] = next_price_change(spec, world, site)
    out[at + 23] = drawn_share(spec, world, rules.provider[site])
    observe_announced(spec, world, site, capacity, out, at + 24)
    out[at + 26] = squash(float(speed), 1000.0)
    out[at + 27] = squash(queued_work, capacity * 12.0 * H)
    return estimate


@kernel
def partners_provider(spec: Spec, jobs: Jobs, world: World) -> int:
    """The provider where the partner of the offered job runs, or −1."""
    job = world.live[offered_slot(world)].job
    if jobs[job].partner < 0:
        return -1
    slot = running_slot(world, job - jobs[job].member + jobs[job].partner)
    return spec.rules[0].provider[world.live[slot].site] if slot >= 0 else -1


@kernel
def observe_stay(spec: Spec, jobs: Jobs, world: World, site: int, wait: int, partner: int, out) -> None:
    """What a run of the offered job at one site needs and meets; where the class cannot run, as if at speed 1."""
    state, rules = world.state[0], spec.rules[0]
    slot = offered_slot(world)
    item = world.live[slot]
    work = jobs[item.job]
    here = rules.provider[site]
    gang = footprint(spec, work.gang, site)
    capacity = float(max(state.capacity[site], 1))
    day_of_delay = float(rules.delay_rate[work.cls]) * float(work.gang) * 24.0 + 1.0
    setting_up = set_up(spec, jobs, world, slot, site)
    length = item.claim if rules.speed[site, work.cls] == 0 else planned_length(spec, jobs, world, slot, site)
    end = state.now + wait + length
    at = JOB_COUNT + CLOCK_COUNT + site * SITE_COUNT + 28
    out[at] = squash(expected_start_up(spec, gang, site), H)
    out[at + 1] = squash(float(setting_up), H)
    out[at + 2] = float(grant_chance(spec, site, gang)) / 1000.0
    out[at + 3] = float(max(0, item.stored[here])) / float(item.megabytes) if item.megabytes > 0 else 1.0
    out[at + 4] = squash(float(egress_to(spec, world, slot, site)), day_of_delay)
    out[at + 5] = 0.0 if partner < 0 else (1.0 if partner == here else -1.0)
    out[at + 6] = squash(float(work.deadline - end), D) if work.deadline > 0 else 1.0
    share = min(float(gang) / float(max(state.reach[site], 1)), 1.0)
    out[at + 7] = squash(share * float(length), float(rules.mean_gap[site])) if rules.mean_gap[site] > 0 else 0.0
    out[at + 8] = min(float(lowest_capacity(spec, world, site, end)) / capacity, 1.0)
    in_28_days = planned_capacity(spec, world, site, state.now + 28 * 86_400_000)
    out[at + 9] = squash(float(in_28_days - state.capacity[site]), capacity)
    out[at + 10] = min(float(preemptible_below(world, site, work.priority)) / capacity, 1.0)


@kernel
def lowest_capacity(spec: Spec, world: World, site: int, end: int) -> int:
    """The lowest capacity that is known of a site from now on and before `end`."""
    state, row = world.state[0], world.plans[site]
    lowest = state.capacity[site]
    for index in range(state.planned[site]):
        if row[index] >> SLOT_BITS >= end:
            break
        lowest = min(lowest, spec.notices[row[index] & SLOT_MASK].capacity)
    return lowest


@kernel
def observe_releases(world: World, site: int, capacity: float, out, at: int) -> None:
    """Share of the capacity that requested ends release within each horizon."""
    for horizon in range(len(HORIZONS)):
        limit = (world.state[0].now + HORIZONS[horizon] + 1) << SLOT_BITS
        out[at + horizon] = float(weight_before(world, RELEASES + site, limit)) / capacity


@kernel
def next_price_change(spec: Spec, world: World, site: int) -> float:
    """Relative change at the site's next price step within a week, in [−1, 1]; 0 without one."""
    state = world.state[0]
    for index in range(state.next_price, len(spec.price_steps)):
        step = spec.price_steps[index]
        if float(step.at - state.now) > W:
            break
        if step.site == site:
            return squash(float(step.price - state.price[site]), float(max(state.price[site], 1)))
    return 0.0


@kernel
def drawn_share(spec: Spec, world: World, provider: int) -> float:
    """Commitment drawn against its floor so far, or spend against the budget; 1/2 is on plan, 0 is none."""
    rules = spec.rules[0]
    if rules.take_or_pay[provider] == 1:
        return squash(float(drawn(spec, world, provider)), float(max(floor_so_far(spec, world, provider), 1)))
    if rules.budget[provider] >= 0:
        return squash(float(spend(spec, world, provider)), float(max(rules.budget[provider], 1)))
    return 0.0


@kernel
def observe_announced(spec: Spec, world: World, site: int, capacity: float, out, at: int) -> None:
    """The next announced capacity step: relative change, and how soon (1: now, 0: none in sight)."""
    state = world.state[0]
    out[at] = 0.0
    out[at + 1] = 0.0
    if state.planned[site] == 0:
        return
    step = spec.notices[world.plans[site, 0] & SLOT_MASK]
    out[at] = squash(float(step.capacity - state.capacity[site]), capacity)
    out[at + 1] = 1.0 - squash(float(step.at - state.now), 3.0 * D)
