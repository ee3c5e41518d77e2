"""Runs: how they begin and end, and what is kept of one that is broken off (rules.md, section 6)."""

from . import ordered, timeline
from .jit import kernel
from .ledger import EGRESS, fill_increment, meter, miss_service, post, price_integral, run_cost, wait
from .log import STAGE, START, record
from .needs import set_up
from .outcomes import note_break, note_start
from .spec import NO, Jobs, Spec
from .state import HEAP, RELEASES, RUNNING, SLOT_BITS, STARTS, YIELDS, World
from .units import NEVER, TIME_BITS, egress, scaled_up, transfer


@kernel
def begin_run(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A job's accelerators, which it has, are metered from now on; its data come; its end is set."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    wait(world, work.cls, -work.gang)
    meter(world, item.site, item.accelerators)
    record(world, START, item.job, item.site, item.accelerators)
    time = set_up(spec, jobs, world, slot, item.site)
    gather(spec, world, slot)
    if work.partner >= 0 and work.sync > 0:
        time += exchange(spec, jobs, world, slot)
    state.staging += time * item.accelerators
    item.status = RUNNING
    item.waited += state.now - item.ready
    item.start = state.now
    take_place(spec, jobs, world, slot)
    item.begin = state.now + time
    item.price_mark = price_integral(world, item.site)
    if work.until > 0:
        miss_service(world, work.cls, work.gang * min(time, work.until - state.now))
    set_end(spec, jobs, world, slot)
    note_start(world, slot)


@kernel
def set_end(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """When a run will end, and when it says that it will, from when its work begins and what remains of it."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    if work.until > 0:
        item.finish = work.until
        item.requested_end = work.until
    else:
        speed = spec.rules[0].speed[item.site, work.cls]
        item.finish = item.begin + (item.remaining if speed == 1000 else scaled_up(item.remaining, speed))
        item.requested_end = item.begin + (item.claim if speed == 1000 else scaled_up(item.claim, speed))
        if spec.rules[0].kill_overruns == 1:
            item.finish = min(item.finish, item.requested_end)
    ordered.push(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes += 1
    will_release(world, slot)


@kernel
def will_release(world: World, slot: int) -> None:
    """The site counts on a job's accelerators at its requested end."""
    state = world.state[0]
    item = world.live[slot]
    timeline.add(world, RELEASES + item.site, (item.requested_end << SLOT_BITS) | slot, item.accelerators)
    state.running[item.site] += 1


@kernel
def will_not_release(world: World, slot: int) -> None:
    """The site counts on it no longer."""
    state = world.state[0]
    item = world.live[slot]
    timeline.take_out(world, RELEASES + item.site, (item.requested_end << SLOT_BITS) | slot)
    state.running[item.site] -= 1


@kernel
def take_place(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A run that begins now can be hit by failures and, if its class is preemptible, make way for others."""
    state, rules = world.state[0], spec.rules[0]
    item = world.live[slot]
    work = jobs[item.job]
    if rules.failure[item.site] != NO:
        timeline.add(world, STARTS * state.sites + item.site, (item.start << SLOT_BITS) | slot, item.accelerators)
    if may_yield(spec, work.cls):
        state.preemptible[item.site, work.priority] += item.accelerators
        key = yield_key(work.priority, item.start, slot)
        timeline.add(world, YIELDS * state.sites + item.site, key, item.accelerators)


@kernel
def leave_place(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A run is over: nothing hits it any more, and it cannot make way."""
    state, rules = world.state[0], spec.rules[0]
    item = world.live[slot]
    work = jobs[item.job]
    if rules.failure[item.site] != NO:
        timeline.take_out(world, STARTS * state.sites + item.site, (item.start << SLOT_BITS) | slot)
    if may_yield(spec, work.cls):
        state.preemptible[item.site, work.priority] -= item.accelerators
        timeline.take_out(world, YIELDS * state.sites + item.site, yield_key(work.priority, item.start, slot))


@kernel
def may_yield(spec: Spec, cls: int) -> bool:
    """Whether runs of a class can be preempted at all."""
    return spec.rules[0].preempt_after > 0 and spec.rules[0].preemptible[cls] == 1


@kernel
def yield_key(priority: int, start: int, slot: int) -> int:
    """Key that sorts in the order in which jobs make way: lower priority, then later start. It may be negative."""
    return ((priority - 4) << (TIME_BITS + SLOT_BITS)) | ((NEVER - 1 - start) << SLOT_BITS) | slot


@kernel
def gather(spec: Spec, world: World, slot: int) -> None:
    """All data of a job come to the provider of its site, and are there from now on."""
    item = world.live[slot]
    if item.megabytes > 0:
        here = spec.rules[0].provider[item.site]
        for provider in range(spec.rules[0].providers):
            if provider != here and item.stored[provider] > 0:
                pay_egress(spec, world, slot, provider, item.stored[provider])
                item.stored[provider] = 0
        item.stored[here] = item.megabytes


@kernel
def pay_egress(spec: Spec, world: World, slot: int, provider: int, megabytes: int) -> None:
    """Data leave a provider for a job."""
    state = world.state[0]
    item = world.live[slot]
    amount = egress(megabytes, spec.rules[0].egress_rate[provider])
    record(world, STAGE, item.job, provider, megabytes)
    state.egress[provider] += amount
    state.staged += megabytes
    item.spent += amount
    post(world, provider, EGRESS, amount)


@kernel
def exchange(spec: Spec, jobs: Jobs, world: World, slot: int) -> int:
    """What a partner that runs at another provider sends is paid for; returns the time [ms] that it takes."""
    item = world.live[slot]
    work = jobs[item.job]
    here = spec.rules[0].provider[item.site]
    partner = running_slot(world, item.job - work.member + work.partner)
    if partner < 0:
        return 0
    there = spec.rules[0].provider[world.live[partner].site]
    if there == here:
        return 0
    pay_egress(spec, world, slot, there, work.sync)
    return transfer(work.sync, spec.rules[0].link[there, here])


@kernel
def running_slot(world: World, job: int) -> int:
    """Slot of a job that runs, or −1. Only partners are looked for, so a walk through the slots will do."""
    for slot in range(world.state[0].slots):
        if world.live[slot].status == RUNNING and world.live[slot].job == job:
            return slot
    return -1


@kernel
def end_run(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """A run is over: its accelerators are free and metered no longer. Its end is off the timeline already."""
    item = world.live[slot]
    item.spent += run_cost(spec, world, slot) + fill_increment(spec, world, slot)
    meter(world, item.site, -item.accelerators)
    leave_place(spec, jobs, world, slot)
    vacate(world, slot)


@kernel
def vacate(world: World, slot: int) -> None:
    """A job that runs or starts gives its accelerators back."""
    state = world.state[0]
    item = world.live[slot]
    will_not_release(world, slot)
    state.occupied[item.site] -= item.accelerators
    state.touched[item.site] = 1


@kernel
def save(spec: Spec, jobs: Jobs, world: World, slot: int) -> int:
    """A run's work up to the last checkpoint is kept; returns what is lost, ms at its site."""
    item = world.live[slot]
    work = jobs[item.job]
    if work.until > 0:
        return 0
    done = max(0, world.state[0].now - item.begin)
    interval = spec.rules[0].checkpoint[work.cls]
    saved = done - done % interval if interval > 0 else 0
    credit = saved * spec.rules[0].speed[item.site, work.cls] // 1000
    item.remaining -= credit
    item.claim = max(1, item.claim - credit)
    return done - saved


@kernel
def break_off(spec: Spec, jobs: Jobs, world: World, slot: int) -> int:
    """A running job is evicted or preempted; it waits from now on. Returns the work lost, ms at its site."""
    state = world.state[0]
    item = world.live[slot]
    work = jobs[item.job]
    ordered.discard(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes -= 1
    lost = save(spec, jobs, world, slot)
    end_run(spec, jobs, world, slot)
    if item.remaining < work.walltime and item.has_snapshot == 0:
        item.has_snapshot = 1
        item.stored[spec.rules[0].provider[item.site]] += work.snapshot
        item.megabytes += work.snapshot
    item.is_resumed = 1
    item.ready = state.now
    wait(world, work.cls, work.gang)
    note_break(world, slot)
    return lost
