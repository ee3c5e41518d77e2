"""A world as it is now: every job is put where it stands, instead of played there.

What a cluster tells of itself becomes a state, from which the world is observed and goes on like any other. Jobs are in
the order of their arrival; none of them has yet to arrive.
"""

from typing import Any

import numpy as np

from . import ordered
from .advance import begin
from .jit import by_reference, entry, kernel
from .ledger import price_integral, wait
from .needs import footprint
from .placing import add_offer, enter, hold, join
from .runs import take_place, will_release
from .spec import MAX_PROVIDERS, MAX_SITES, Jobs, Spec
from .state import (
    EMPTY,
    HEAP,
    PENDING,
    PENDINGS,
    REQUESTS,
    SLOT_BITS,
    STARTING,
    TIMERS,
    UNPLACED,
    WAITING,
    World,
    world_of,
)

PLACED = np.dtype(
    [
        *(
            (name, "i8")
            for name in (
                "status",  # WAITING, STARTING, RUNNING or PENDING
                "site",  # UNPLACED, a site, or the number of sites: held
                "is_offered",  # 1: it is asked about now
                "planned",  # what it counts on at its site, ms, where it is queued or starts
                "ready",  # since when it waits
                "waited",  # ms before that
                "offered",  # time of the last offer
                "attempts",  # offers so far
                "start",  # of its run or its request
                "begin",  # when its work began or begins, after set-up
                "requested_end",
                "finish",  # end of its run or outcome of its request: hidden
                "remaining",  # work, ms at speed 1000: hidden
                "claim",  # requested, ms at speed 1000
                "requests",  # so far
                "is_granted",  # hidden
                "is_resumed",  # 1: an earlier run ended early
                "has_snapshot",  # 1: its state is among its data
                "missing",  # bit set of parents that have not finished
                "megabytes",  # of all its data
            )
        ),
        ("stored", "i8", (MAX_PROVIDERS,)),  # MB that lie at each provider
    ],
    align=True,
)
NOW = np.dtype(
    [
        *((name, "i8") for name in ("now", "seed", "period_begin", "period_end")),  # ms
        *((name, "i8", (MAX_SITES,)) for name in ("used", "delivered")),  # accelerator-ms of the running period
        *((name, "i8", (MAX_PROVIDERS,)) for name in ("spend", "carried")),  # µ$: posted in it; carried into it
    ],
    align=True,
)


@kernel
def restore(spec: Spec, jobs: Jobs, world: World, present: Any, placed: Any) -> None:
    """Make `world` what `present` and `placed` (jobs,) say; the schedules of `spec` have no step up to now."""
    state, count = world.state[0], placed.shape[0]
    begin(spec, jobs, world, 0, count, present.now, present.seed, 0)
    state.next_job = count
    state.period_begin, state.period_end = present.period_begin, present.period_end
    state.next_wake = (present.now // spec.rules[0].offer_interval + 1) * spec.rules[0].offer_interval
    state.next_schedule = min(state.next_schedule, state.period_end)
    for job in range(count):
        if placed[job].status != EMPTY:  # a member of a pipeline that has left
            place(spec, jobs, world, job, placed[job])
    for site in range(state.sites):
        now = present.now
        state.use_offset[site] = present.used[site] - state.metered[site] * now
        state.delivered_offset[site] = present.delivered[site] - state.capacity[site] * now
        state.busy_offset[site] = -state.metered[site] * now
        state.touched[site] = 1
    for provider in range(spec.rules[0].providers):
        state.spend[provider], state.carried[provider] = present.spend[provider], present.carried[provider]
    state.is_open = 1


@kernel
def place(spec: Spec, jobs: Jobs, world: World, job: int, row: Any) -> None:
    """One job comes to where it stands."""
    state, work = world.state[0], jobs[job]
    slot = enter(jobs, world, job, row.status)
    item = world.live[slot]
    at = max(work.until, work.deadline)
    if item.is_timed == 1 and at <= state.now:  # missed already
        ordered.remove(world.keys[TIMERS], state.timers, (at << SLOT_BITS) | slot)
        state.timers -= 1
        item.is_timed = 0
    item.ready, item.waited, item.offered, item.attempts = row.ready, row.waited, row.offered, row.attempts
    item.start, item.begin, item.requested_end, item.finish = row.start, row.begin, row.requested_end, row.finish
    item.remaining, item.claim, item.requests = row.remaining, row.claim, row.requests
    item.is_granted, item.is_resumed, item.has_snapshot = row.is_granted, row.is_resumed, row.has_snapshot
    item.missing, item.megabytes = row.missing, row.megabytes
    for provider in range(MAX_PROVIDERS):
        item.stored[provider] = row.stored[provider]
    if row.status == PENDING:
        ordered.insert(world.keys[PENDINGS], state.pending, (job << SLOT_BITS) | slot)
        state.pending += 1
        return
    if row.status == WAITING:
        wait(world, work.cls, work.gang)
        if row.site == state.sites:
            hold(world, slot)
        elif row.site != UNPLACED:
            join(spec, jobs, world, slot, row.site, row.planned)
        if row.is_offered == 1 or row.site == UNPLACED:  # who is nowhere is asked about: a world knows nothing else
            add_offer(world, slot)
        return
    item.site = row.site
    item.accelerators, item.requested = footprint(spec, work.gang, row.site), row.planned
    state.occupied[row.site] += item.accelerators
    will_release(world, slot)
    if row.status == STARTING:
        wait(world, work.cls, work.gang)
        ordered.insert(world.keys[REQUESTS], state.requests, (item.finish << SLOT_BITS) | slot)
        state.requests += 1
        return
    state.metered[row.site] += item.accelerators
    ordered.push(world.keys[HEAP], state.finishes, (item.finish << SLOT_BITS) | slot)
    state.finishes += 1
    take_place(spec, jobs, world, slot)
    item.price_mark = price_integral(world, row.site) - state.price[row.site] * (state.now - row.start)


@entry()
def restore_one(spec: Spec, jobs: Jobs, batch: World, episode: int, present: Any, placed: Any) -> None:
    """`restore` for one episode of a batch; `present` is (1,) NOW."""
    restore(by_reference(spec), jobs, by_reference(world_of(batch, episode)), present[0], placed)
