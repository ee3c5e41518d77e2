"""Ends of runs: finished, cancelled by the user, or killed (rules.md, section 6)."""

from . import ordered
from .jit import kernel
from .log import CANCEL, FINISH, KILL, record
from .pipelines import cancel_descendants, hand_on
from .placing import leave
from .runs import end_run
from .spec import Jobs, Spec
from .state import HEAP, SLOT_BITS, SLOT_MASK, World
from .units import scaled_up


@kernel
def end_runs(spec: Spec, jobs: Jobs, world: World) -> None:
    """All ends of this instant, by job id."""
    state = world.state[0]
    heap = world.keys[HEAP]
    state.wake = 1
    while state.finishes > 0 and heap[0] >> SLOT_BITS == state.now:
        # Keys that tie carry slots, not ids; the few that tie are taken in the order of their ids.
        slot = heap[0] & SLOT_MASK
        first = slot
        if is_tied(heap, state.finishes):
            for index in range(state.finishes):
                other = heap[index] & SLOT_MASK
                if heap[index] >> SLOT_BITS == state.now and world.live[other].job < world.live[first].job:
                    first = other
        if first == slot:
            ordered.pop(heap, state.finishes)
        else:
            ordered.discard(heap, state.finishes, (state.now << SLOT_BITS) | first)
        state.finishes -= 1
        end(spec, jobs, world, first)


@kernel
def is_tied(heap, count: int) -> bool:
    """Whether another end falls at the same time as the heap's top: it would be a child of the root."""
    at = heap[0] >> SLOT_BITS
    return (count > 1 and heap[1] >> SLOT_BITS == at) or (count > 2 and heap[2] >> SLOT_BITS == at)


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
