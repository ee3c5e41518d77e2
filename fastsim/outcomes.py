"""What became of the jobs that are asked about: where, when, what it cost."""

from .jit import kernel
from .state import World


@kernel
def result_of(world: World, job: int) -> int:
    """Index of a job among the results, or −1 when its outcome is not asked for."""
    index = job - world.state[0].first_result
    return index if 0 <= index < world.state[0].asked_results else -1


@kernel
def clear_outcome(world: World, index: int) -> None:
    """Nothing is known yet of what becomes of a job."""
    outcome = world.results[index]
    outcome.site = -1
    outcome.start = -1
    outcome.finish = 0
    outcome.waited = 0
    outcome.spent = 0
    outcome.penalty = 0
    outcome.evictions = 0
    outcome.written_off = 0
    outcome.outcome = 0


@kernel
def note_start(world: World, slot: int) -> None:
    """Keep where and when a run began."""
    item = world.live[slot]
    index = result_of(world, item.job)
    if index >= 0:
        outcome = world.results[index]
        outcome.site = item.site
        outcome.start = item.start
        outcome.waited = item.waited


@kernel
def note_break(world: World, slot: int) -> None:
    """A job whose run was broken off has no start any more."""
    index = result_of(world, world.live[slot].job)
    if index >= 0:
        world.results[index].start = -1
        world.results[index].evictions += 1


@kernel
def note_penalty(world: World, job: int, penalty: int) -> None:
    """Keep what a missed deadline cost."""
    index = result_of(world, job)
    if index >= 0:
        world.results[index].penalty = penalty


@kernel
def note_end(world: World, job: int, waited: int, spent: int, kind: int) -> None:
    """Keep how a job left the world, and what it cost; the last thing that is kept of it."""
    state = world.state[0]
    index = result_of(world, job)
    if index >= 0:
        outcome = world.results[index]
        outcome.finish = state.now
        outcome.waited = waited
        outcome.spent = spent
        outcome.outcome = kind
        state.open_results -= 1


@kernel
def note_write_off(world: World, job: int, amount: int, kind: int) -> None:
    """Keep what a job that never was offered cost."""
    index = result_of(world, job)
    if index >= 0:
        world.results[index].written_off = amount
        note_end(world, job, 0, 0, kind)
