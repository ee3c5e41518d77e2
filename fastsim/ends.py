"""Ends of runs: finished, cancelled by the user, or killed (rules.md, section 6)."""

from . import timeline
from .jit import kernel
from .log import CANCEL, FINISH, KILL, record
from .pipelines import cancel_descendants, hand_on
from .placing import leave
from .runs import end_run
from .spec import Jobs, Spec
from .state import FINISHES, SLOT_BITS, SLOT_MASK, World
from .units import scaled_up


@kernel
def end_runs(spec: Spec, jobs: Jobs, world: World) -> None:
    """All ends of this instant, by job id."""
    state = world.state[0]
    state.wake = 1
    slot = next_to_end(world)
    while slot >= 0:
        timeline.take_out(world, FINISHES, (state.now << SLOT_BITS) | slot)
        state.finishes -= 1
        end(spec, jobs, world, slot)
        slot = next_to_end(world)


@kernel
def next_to_end(world: World) -> int:
    """Slot of the job of smallest id among those whose run ends now, or −1."""
    limit = (world.state[0].now + 1) << SLOT_BITS
    key = timeline.first_key(world, FINISHES)
    slot = -1
    while 0 <= key < limit:  # keys that tie carry slots, not ids
        other = key & SLOT_MASK
        if slot < 0 or world.live[other].job < world.live[slot].job:
            slot = other
        key = timeline.key_after(world, FINISHES, key)
    return slot


@kernel
def end(spec: Spec, jobs: Jobs, world: World, slot: int) -> None:
    """One run has come to its end, and the job leaves the world; its children go on, or do not."""
    state = world.state[0]
    item = world.live[slot]
    job, site = item.job, item.site
    kind = way_out(spec, jobs, world, slot)
    record(world, kind, job, site, item.accelerators)
    end_run(spec, jobs, world, slot)
    leave(jobs, world, slot, kind)
    if kind == FINISH:
        state.finished += 1
        if state.pending > 0:
            hand_on(spec, jobs, world, job, site)
    else:
        state.cancelled += 1 if kind == CANCEL else 0
        state.killed += 1 if kind == KILL else 0
        if state.pending > 0:
            cancel_descendants(jobs, world, job)


@kernel
def way_out(spec: Spec, jobs: Jobs, world: World, slot: int) -> int:
    """FINISH; KILL, if the run was cut short at its requested end; or CANCEL, if its user gives it up."""
    item = world.live[slot]
    work = jobs[item.job]
    if spec.rules[0].kill_overruns == 1 and work.until == 0:
        if item.finish < item.begin + scaled_up(item.remaining, spec.rules[0].speed[item.site, work.cls]):
            return KILL
    return CANCEL if work.is_cancelled == 1 else FINISH
