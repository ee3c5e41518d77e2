"""A question about jobs, in a world that stands still: they are listed for offers, considered by two agents, answered.

An offer is that of an episode (play.py): the same order, mask and observation. What is more here is a quota, which
takes sites out of the mask, and that an offer waits for its answer while somebody outside looks at it.
"""

from typing import Any

import numpy as np

from .advance import OFFERED, advance
from .agent import CHOOSE, example
from .jit import by_reference, direct, entry, kernel, signature
from .needs import footprint
from .observe import observe
from .offers import carry_out, offered_slot, write_mask
from .placing import add_offer
from .restore import PLACED, place
from .spec import NO, PRIORITIES, Jobs, Spec
from .state import WAITING, View, World, world_of

SLOT, JOB_ROW, FIRST, SECOND = range(4)  # what `consider` finds: the offer, and what each agent would do
NUMBERS = np.zeros(1, np.int64)
ROWS = np.zeros(1, PLACED).view(np.recarray)
CONSIDER = signature(
    0,
    *example(),  # spec, jobs, batch
    0,  # action
    NUMBERS,  # quotas
    CHOOSE,
    np.zeros(1),  # first's knobs
    CHOOSE,
    np.zeros(1),  # second's knobs
    np.zeros(1, np.float32),  # scratch
    np.zeros(1, np.float32),  # observation
    np.zeros(1, np.uint8),  # mask
    NUMBERS,  # found
)
REPEAT = signature(
    None,
    *example(),  # spec, jobs, batch
    NUMBERS,  # rows
    ROWS,  # placed
    NUMBERS,  # actions
    NUMBERS,  # quotas
    CHOOSE,
    np.zeros(1),  # knobs
    True,  # observes
    np.zeros(1, np.float32),  # scratch
    np.zeros(1, np.float32),  # observation
    np.zeros(1, np.uint8),  # mask
    np.zeros(1, np.bool_),  # is_done
)


@kernel
def open_offers(world: World) -> None:
    """The instant goes on: when all its offers have been answered, the list begins anew."""
    state = world.state[0]
    if state.offer == state.offers:
        state.offers = state.offer = 0
    state.is_open = 1


@kernel
def arrive(spec: Spec, jobs: Jobs, world: World, job: int, row: Any) -> None:
    """A job, later than all that are there, comes now to where its row of PLACED says; it is offered."""
    open_offers(world)
    now = world.state[0].now
    jobs[job].arrival = now
    row.ready, row.finish, row.is_offered = min(row.ready, now), max(now + 1, row.requested_end), 1
    place(spec, jobs, world, job, row)
    world.state[0].next_job = world.state[0].last_job = job + 1


@direct
@entry(signature(None, *example(), 0, ROWS))
def come(spec: Spec, jobs: Jobs, batch: World, job: int, placed: Any) -> None:
    """Job `job`, later than all that are there, comes now to episode 0, where placed[0] says; it is offered."""
    arrive(by_reference(spec), jobs, by_reference(world_of(batch, 0)), job, placed[0])


@kernel
def waiting_slot(world: World, job: int) -> int:
    """The slot of a job that waits; NO: it does not."""
    for slot in range(world.state[0].slots):
        if world.live[slot].job == job and world.live[slot].status == WAITING:
            return slot
    return NO


@direct
@entry(signature(0, example()[2], 0))
def slot_of(batch: World, job: int) -> int:
    """`waiting_slot` of episode 0."""
    return waiting_slot(by_reference(world_of(batch, 0)), job)


@direct
@entry(signature(None, example()[2], 0))
def offer_again(batch: World, slot: int) -> None:
    """A job of episode 0 that waits is offered."""
    world = by_reference(world_of(batch, 0))
    open_offers(world)
    add_offer(world, slot)


@kernel
def shield(spec: Spec, jobs: Jobs, world: World, quotas: np.ndarray, mask: np.ndarray) -> None:
    """Take out of the mask the sites where the job would exceed a quota; hold is then legal, if nothing else is.

    A quota is the most accelerators that run, start and wait at a site; NO: there is none.
    """
    state, slot = world.state[0], offered_slot(world)
    item, any_site = world.live[slot], False
    for site in range(state.sites):
        if quotas[site] != NO and mask[site] == 1:
            taken = state.occupied[site]
            for priority in range(PRIORITIES):
                taken += state.queued_accelerators[site, priority]
            if item.site != site:
                taken += footprint(spec, jobs[item.job].gang, site)
            mask[site] = 1 if taken <= quotas[site] else 0
        any_site = any_site or mask[site] == 1
    if not any_site:
        mask[state.sites] = 1


@direct
@entry(CONSIDER)
def consider(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    action: int,
    quotas: np.ndarray,
    first: Any,
    first_knobs: np.ndarray,
    second: Any,
    second_knobs: np.ndarray,
    scratch: np.ndarray,
    observation: np.ndarray,
    mask: np.ndarray,
    found: np.ndarray,
) -> int:
    """Answer the present offer of episode 0 with `action` (−1: there is none) and go on to the next at this instant.

    Returns OFFERED and fills `observation` (size,) float32, `mask` (actions,) uint8 and `found` (4,) int64; or why it
    stopped (advance.py). `quotas` is (sites,) int64, `scratch` (4096,) float32.
    """
    view = View(by_reference(spec), jobs, by_reference(world_of(batch, 0)))
    spec, world = view.spec, view.world
    if action >= 0:
        carry_out(spec, jobs, world, action, mask)
    reason = advance(spec, jobs, world, world.state[0].now)
    if reason != OFFERED:
        return reason
    write_mask(spec, jobs, world, mask)
    observe(spec, jobs, world, mask, observation)
    shield(spec, jobs, world, quotas, mask)
    slot = offered_slot(world)
    found[SLOT], found[JOB_ROW] = slot, world.live[slot].job
    found[FIRST] = first(view, observation, mask, first_knobs, scratch)
    found[SECOND] = second(view, observation, mask, second_knobs, scratch)
    return reason


@direct
@entry(REPEAT)
def repeat(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    rows: np.ndarray,
    placed: Any,
    actions: np.ndarray,
    quotas: np.ndarray,
    choose: Any,
    knobs: np.ndarray,
    observes: bool,
    scratch: np.ndarray,
    observation: np.ndarray,
    mask: np.ndarray,
    is_done: np.ndarray,
) -> None:
    """Decide in episode 0 as it was decided elsewhere: `rows` (n,) says about which jobs, `actions` (n,) what.

    A job that has not come yet comes first, where `placed` (n,) says; about one that does not wait, or is there
    already, nothing `is_done` (n,). Who is offered after the first has the agent's answer. The others as in `consider`.
    """
    view = View(by_reference(spec), jobs, by_reference(world_of(batch, 0)))
    spec, world = view.spec, view.world
    for at in range(len(rows)):
        if rows[at] >= world.state[0].next_job:
            arrive(spec, jobs, world, rows[at], placed[at])
        else:
            slot = waiting_slot(world, rows[at])
            if slot == NO or world.live[slot].site == actions[at]:
                continue
            open_offers(world)
            add_offer(world, slot)
        is_done[at], is_first = True, True
        while advance(spec, jobs, world, world.state[0].now) == OFFERED:
            write_mask(spec, jobs, world, mask)
            if observes:
                observe(spec, jobs, world, mask, observation)
            shield(spec, jobs, world, quotas, mask)
            action = actions[at] if is_first else choose(view, observation, mask, knobs, scratch)
            carry_out(spec, jobs, world, action, mask)
            is_first = False
