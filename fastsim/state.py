"""What changes while an episode runs, and how it is copied.

`World` is the state of one episode; a batch is the same tuple with a leading axis over episodes. Only jobs that wait or
run are in it, in *slots*; a copy moves the used part of each array and nothing else, so that branching is cheap.
"""

from typing import Any, NamedTuple

import numpy as np

from .jit import entry, kernel
from .memory import zeros
from .spec import MAX_CLASSES, MAX_PROVIDERS, MAX_SITES, PRIORITIES
from .timeline import allocate_lines, copy_lines

STATE = np.dtype(
    [
        *(
            (name, "i8")
            for name in (
                "sites",  # how many
                "now",  # ms
                "seed",  # of failures, grants and start-ups
                "variant",  # of the schedules
                "first_job",  # draws count jobs from here
                "next_job",  # the next arrival
                "last_job",  # arrivals end before this one
                "gone",  # bit set: members of the pipeline that is arriving that will not run
                "next_step",  # next capacity step, notice and price step: indices into the spec
                "last_step",  # those of this variant end before these
                "next_notice",
                "last_notice",
                "next_price",
                "next_schedule",  # earliest of those three and the period's end, ms
                "next_failure",  # ms
                "next_wake",  # next multiple of the offer interval, ms
                "period_begin",
                "period_end",
                "finishes",  # length of the heap of ends: jobs that run
                "requests",  # length of the row of outcomes: jobs that start
                "timers",  # length of the row of deadlines and ends of blocks
                "pending",  # length of the row of children that are not ready
                "slots",  # slots ever used
                "free_slots",  # length of the list of free ones among them
                "held",  # length of the queue of held jobs
                "waiting",  # held and queued jobs
                "present",  # gangs of all jobs in the world, added up
                "offers",  # length of this instant's list of offers
                "offer",  # the offer that is being made
                "is_open",  # 1 between the first event of an instant and its dispatch
                "loss",  # 1: capacity was lost at this instant
                "wake",  # 1: this instant is a wake-up
                "write_offs",  # µ$
                "penalties",  # µ$
                "decisions",
                "first_offers",
                "illegal",
                "moves",  # re-offers that took a job out of a queue
                "evictions",
                "preemptions",
                "failed",  # failures that hit a job
                "asked",  # requests for capacity
                "denied",
                "written_off",  # jobs
                "finished",
                "cancelled",
                "killed",
                "expired",
                "missed",  # deadlines
                "lost_to_failures",  # accelerator-ms of work since the last checkpoint
                "lost_to_evictions",
                "lost_to_preemptions",
                "restarting",  # accelerator-ms of restarts
                "staging",  # accelerator-ms of set-up
                "staged",  # MB
                "log_rows",
                "first_result",  # job whose outcome is results[0]
                "asked_results",  # how many jobs have an outcome
                "open_results",  # those of them that have not finished
            )
        ),
        *(
            (name, "i8", (MAX_SITES,))
            for name in (
                "capacity",
                "occupied",  # by jobs that run or start
                "metered",  # by jobs that run
                "price",
                "price_offset",  # price integral = price × t + price_offset, µ$·ms per hour
                "queued",  # length of its queue
                "running",  # jobs that run or start there
                "failures",  # so far
                "failure_at",  # the next one, ms
                "touched",
                *("next_key", "next_entry", "next_place"),  # how far a pass is in its queue
                "reach",  # largest capacity now or at any later step
                "announced_reach",  # the same among present and announced
                "planned",  # length of its plan: known steps and promises still to come
                "dips",  # those below the present capacity
                "use_offset",  # use since the last posting = occupied × t + use_offset, accelerator-ms
                "delivered_offset",  # delivered in this period = capacity × t + delivered_offset
                "busy_offset",  # use since the beginning, the same way
                "supply_offset",  # delivered since the beginning, the same way
            )
        ),
        ("queued_accelerators", "i8", (MAX_SITES, PRIORITIES)),
        ("queued_work", "i8", (MAX_SITES, PRIORITIES)),  # accelerators × planned ms
        ("preemptible", "i8", (MAX_SITES, PRIORITIES)),  # accelerators of running jobs of preemptible classes
        *(
            (name, "i8", (MAX_PROVIDERS,))
            for name in ("fee", "shortfall", "overage", "burst", "used", "unused", "egress", "spend", "carried")
        ),  # µ$; spend: this period; carried: into it
        *(
            (name, "i8", (MAX_CLASSES,)) for name in ("waiting_gangs", "wait_offset", "delay_posted")
        ),  # accelerators, accelerator-ms, µ$
    ],
    align=True,
)
LIVE = np.dtype(
    [
        *(
            (name, "i8")
            for name in (
                "job",
                "status",  # WAITING, STARTING, RUNNING, PENDING, or EMPTY: nobody's slot
                "site",  # UNPLACED, a site, or the number of sites: held
                "key",  # its place in job order
                "accelerators",  # at its site
                "requested",  # planned length at its site, ms
                "ready",  # since when it waits
                "offered",  # time of the last offer
                "attempts",  # offers so far
                "start",  # of its run, or its request; −1: neither
                "finish",  # end of its run, or the outcome of its request
                "requested_end",
                "begin",  # when its work begins, after set-up
                "remaining",  # work, ms at speed 1000
                "claim",  # requested, ms at speed 1000
                "waited",  # ms before `ready`
                "spent",  # µ$ of earlier runs, and egress
                "price_mark",  # price integral at the start of its run
                "requests",  # so far
                "is_granted",
                "is_resumed",  # 1: an earlier run ended early
                "has_snapshot",  # 1: its state is among its data
                "is_timed",  # 1: it has a timer
                "missing",  # bit set of parents that have not finished
                "megabytes",  # of all its data
            )
        ),
        ("stored", "i8", (MAX_PROVIDERS,)),  # MB that lie at each provider
    ],
    align=True,
)
RESULT = np.dtype(
    [
        (name, "i8")
        for name in (
            "site",
            "start",
            "finish",  # when it ended, however it did
            "waited",  # ms
            "spent",  # µ$
            "penalty",  # µ$
            "evictions",  # preemptions too
            "written_off",  # µ$
            "outcome",  # how it left: a kind of the log, 0: not yet
        )
    ],
    align=True,
)

UNPLACED = -1
EMPTY, WAITING, STARTING, RUNNING, PENDING = range(5)
HEAP, FREE, OFFERS, SCRATCH, HELD, REQUESTS, TIMERS, PENDINGS, LENGTHS = range(9)  # rows of keys
ROWS = 9
RELEASES, STARTS, YIELDS, QUEUES = range(4)  # kinds of timelines, of which each site has one
LINES = 4
MOST_LINES = 3  # on which one slot can be: who runs is in no queue
SLOT_BITS = 20
SLOT_MASK = (1 << SLOT_BITS) - 1
MAX_SLOTS = 1 << SLOT_BITS
JOB_BITS = 32


class World(NamedTuple):
    """State of one episode; in a batch every array has a leading axis (episodes,)."""

    state: Any  # (1,) STATE
    live: Any  # (slots,) LIVE
    # (rows, slots) int64: HEAP of ends, FREE slots, OFFERS, SCRATCH, and sorted: HELD, REQUESTS (outcomes), TIMERS,
    # PENDINGS by job; LENGTHS by slot: planned ms of who is queued, side by side, negative for a block of serving
    keys: np.ndarray
    plans: np.ndarray  # (sites, known) int64, sorted: the known steps of a site, time << SLOT_BITS | notice
    # timelines (timeline.py), with a slot in the low bits: RELEASES + site, requested ends of who runs or starts;
    # STARTS × sites + site, starts of who runs, if the site fails; YIELDS × sites + site, of who may be preempted;
    # QUEUES × sites + site, order keys of who is queued
    heads: np.ndarray
    entries: np.ndarray
    blocks: Any
    log: np.ndarray  # (rows, 5) int64; no rows: no log
    results: Any  # (jobs,) RESULT; outcomes of the jobs from state.first_result on


class View(NamedTuple):
    """All that a kernel or an agent reads: the scenario, the jobs, one world."""

    spec: Any
    jobs: Any
    world: Any


def allocate(*, episodes: int, slots: int, sites: int, known: int, log_rows: int = 0, results: int = 0) -> World:
    """Zeroed arrays for a batch.

    In one episode at most `slots` jobs wait or run at once, and `known` steps of a site are known.
    """
    return World(
        np.zeros((episodes, 1), STATE).view(np.recarray),
        zeros((episodes, slots), LIVE).view(np.recarray),
        zeros((episodes, ROWS, slots), np.int64),
        np.zeros((episodes, sites, known), np.int64),
        *allocate_lines(episodes, LINES * sites, MOST_LINES * slots, slots),
        np.zeros((episodes, log_rows, 5), np.int64),
        np.zeros((episodes, results), RESULT).view(np.recarray),
    )


def grown(batch: World, slots: int) -> World:
    """The same batch with room for `slots` jobs in each episode.

    Only what is in use is copied: pages that nobody touches take no memory, which in thousands of episodes is most.
    """
    episodes, rows, _ = batch.keys.shape
    used = int(batch.state.slots.max())
    live = zeros((episodes, slots), LIVE)
    live[:, :used] = batch.live[:, :used]
    keys = zeros((episodes, rows, slots), np.int64)
    keys[:, :, :used] = batch.keys[:, :, :used]
    heads, entries, blocks = allocate_lines(episodes, batch.entries.shape[1], MOST_LINES * slots, slots)
    heads[:] = batch.heads
    longest, blocks_used = int(heads[:, :-2].max()), int(heads[:, -2].max())
    entries[..., :longest] = batch.entries[..., :longest]
    blocks[:, :blocks_used] = batch.blocks[:, :blocks_used]
    return batch._replace(live=live.view(np.recarray), keys=keys, heads=heads, entries=entries, blocks=blocks)


@entry()
def world_of(batch: World, episode: int) -> World:
    """One episode of a batch, without copying; an entry, because it returns arrays."""
    return World(
        batch.state[episode],
        batch.live[episode],
        batch.keys[episode],
        batch.plans[episode],
        batch.heads[episode],
        batch.entries[episode],
        batch.blocks[episode],
        batch.log[episode],
        batch.results[episode],
    )


@kernel
def copy_world(source: World, target: World) -> None:
    """Make `target` the same state; its log and results stay its own.

    It must have at least the slots that `source` uses.
    """
    target.state[0] = source.state[0]
    state = source.state[0]
    for slot in range(state.slots):
        target.live[slot] = source.live[slot]
    copy_prefix(source.keys[HEAP], target.keys[HEAP], state.finishes)
    copy_prefix(source.keys[FREE], target.keys[FREE], state.free_slots)
    copy_prefix(source.keys[OFFERS], target.keys[OFFERS], state.offers)
    copy_prefix(source.keys[HELD], target.keys[HELD], state.held)
    copy_prefix(source.keys[REQUESTS], target.keys[REQUESTS], state.requests)
    copy_prefix(source.keys[TIMERS], target.keys[TIMERS], state.timers)
    copy_prefix(source.keys[PENDINGS], target.keys[PENDINGS], state.pending)
    copy_prefix(source.keys[LENGTHS], target.keys[LENGTHS], state.slots)
    for site in range(state.sites):
        copy_prefix(source.plans[site], target.plans[site], state.planned[site])
    copy_lines(source, target)


@kernel
def copy_prefix(source: np.ndarray, target: np.ndarray, count: int) -> None:
    """The first `count` values."""
    for index in range(count):
        target[index] = source[index]


@kernel
def take_slot(world: World) -> int:
    """A free slot; the caller has made sure that there is one."""
    state = world.state[0]
    if state.free_slots > 0:
        state.free_slots -= 1
        return world.keys[FREE, state.free_slots]
    state.slots += 1
    return state.slots - 1


@kernel
def give_slot(world: World, slot: int) -> None:
    """The job of this slot has left the world."""
    state = world.state[0]
    world.live[slot].status = EMPTY
    world.keys[FREE, state.free_slots] = slot
    state.free_slots += 1


@kernel
def order_key(job: int, priority: int, slot: int) -> int:
    """Key that sorts in job order (higher priority, then smaller id) and carries the slot."""
    return ((7 - priority) << (JOB_BITS + SLOT_BITS)) | (job << SLOT_BITS) | slot


@kernel
def priority_of(key: int) -> int:
    """The priority in an order key."""
    return 7 - (key >> (JOB_BITS + SLOT_BITS))


@kernel
def first_of_tied(world: World, row: np.ndarray, count: int) -> int:
    """Slot with the smallest job id among the keys at the head of a sorted row that share their time."""
    first = row[0] & SLOT_MASK
    for index in range(1, count):
        if row[index] >> SLOT_BITS != row[0] >> SLOT_BITS:
            break
        slot = row[index] & SLOT_MASK
        if world.live[slot].job < world.live[first].job:
            first = slot
    return first
