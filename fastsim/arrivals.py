"""Arrivals: a job becomes ready, waits for its parents, is written off, or is cancelled (rules.md, section 8)."""

from .jit import kernel
from .ledger import WRITE_OFF_ACCOUNT, post, wait
from .log import ARRIVE, CANCEL, WRITE_OFF, record
from .needs import suits
from .outcomes import note_write_off
from .pipelines import cancel, pend
from .placing import enter, freshen
from .spec import Jobs, Spec
from .state import WAITING, World
from .units import cost


@kernel
def arrive(spec: Spec, jobs: Jobs, world: World, job: int) -> None:
    """One job arrives; members of a pipeline arrive one after the other."""
    state = world.state[0]
    work = jobs[job]
    record(world, ARRIVE, job, -1, work.gang)
    if work.member == 0:
        state.gone = 0
    if work.parents & state.gone != 0:
        state.gone |= 1 << work.member
        cancel(world, job)
        note_write_off(world, job, 0, CANCEL)
    elif not has_site(spec, jobs, world, job):
        state.gone |= 1 << work.member
        write_off(spec, jobs, world, job)
    elif work.parents != 0:
        pend(jobs, world, job)
    else:
        wait(world, work.cls, work.gang)
        freshen(world, enter(jobs, world, job, WAITING))


@kernel
def has_site(spec: Spec, jobs: Jobs, world: World, job: int) -> bool:
    """Whether any site suits a job."""
    for site in range(world.state[0].sites):
        if suits(spec, jobs, world, job, site):
            return True
    return False


@kernel
def write_off(spec: Spec, jobs: Jobs, world: World, job: int) -> None:
    """A job that no site suits costs what it would at its dearest, and is never offered."""
    state = world.state[0]
    work = jobs[job]
    dearest = 0
    for site in range(state.sites):
        dearest = max(dearest, state.price[site])
    rate = spec.rules[0].delay_rate[work.cls]
    amount = cost(work.gang * work.requested, dearest) + cost(work.gang * spec.rules[0].max_hold, rate)
    state.write_offs += amount
    state.written_off += 1
    record(world, WRITE_OFF, job, -1, amount)
    post(world, work.cls, WRITE_OFF_ACCOUNT, amount)
    note_write_off(world, job, amount, WRITE_OFF)
