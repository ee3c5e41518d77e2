"""Sections 2, 6 and 8 of the rules: the members of a pipeline, whom one's end makes ready or cancels."""

from .log import CANCEL, NOWHERE, READY
from .state import State


def parents(state: State, job: int) -> list[int]:
    """The ids of its parents."""
    first = job - state.job(job).member
    return [first + member for member in range(60) if state.job(job).parents >> member & 1]


def partner(state: State, job: int) -> int | None:
    """The id of the member with whom it exchanges data."""
    member = state.job(job).partner
    return None if member < 0 else job - state.job(job).member + member


def children(state: State, job: int) -> list[int]:
    """The ids of the jobs that name it among their parents: they follow it in its pipeline."""
    later = []
    for other in range(job + 1, len(state.world.jobs)):
        if state.job(other).member == 0:
            break
        if job in parents(state, other):
            later.append(other)
    return later


def descendants(state: State, job: int) -> list[int]:
    """Its children, theirs, and so on, by id."""
    found = set(children(state, job))
    for other in range(job + 1, len(state.world.jobs)):
        if other in found:
            found.update(children(state, other))
    return sorted(found)


def add_data(state: State, job: int, provider: int, size: int) -> None:
    """`size` MB more of a job's data lie at a provider."""
    if size > 0:
        data = state.life[job].data
        data[provider] = data.get(provider, 0) + size


def bring_output_to_children(state: State, job: int, provider: int) -> None:
    """Section 6: a job has finished at a provider; those whose last parent it was become ready."""
    for child in children(state, job):
        add_data(state, child, provider, state.job(job).output)
    for child in children(state, job):
        if child in state.pending and all(state.life[parent].how == "FINISH" for parent in parents(state, child)):
            state.pending.remove(child)
            state.record(READY, child, NOWHERE, state.job(child).gang)
            state.begin_to_wait(child)


def cancel_descendants(state: State, job: int) -> None:
    """Section 6: a job has been killed or cancelled; none of its descendants was ready."""
    for other in descendants(state, job):
        if other in state.pending:
            state.pending.remove(other)
            cancel(state, other)


def cancel(state: State, job: int) -> None:
    """A job that does not run is cancelled."""
    state.record(CANCEL, job, NOWHERE, 0)
    state.leave_the_world(job, "CANCEL")
