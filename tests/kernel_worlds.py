"""The worlds of the reference simulator, as the kernel takes them; and an agent that both can follow."""

import numpy as np

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.jit import kernel
from tidegate.fastsim.keyed import mix
from tidegate.fastsim.offers import offered_slot
from tidegate.fastsim.spec import BURST, COMMITTED, EASY, FCFS, JOB, NO, ProviderTable, SiteTable, Spec, SpecTable
from tidegate.fastsim.worlds import Worlds

from .reference.world import World

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
THIRTY_TWO = np.uint64(32)


def packed(world: World) -> Spec:
    """The kernel's tables of a world."""

    def given(value: int | None) -> int:
        return NO if value is None else value

    return SpecTable(
        sites=tuple(
            SiteTable(
                s.provider,
                s.capacity,
                s.price,
                tuple(s.speed),
                s.granule,
                s.cube,
                s.cube_from,
                tuple(s.steps),
                tuple(s.price_steps),
            )
            for s in world.sites
        ),
        providers=tuple(
            ProviderTable(
                COMMITTED if p.kind == "committed" else BURST,
                p.tags,
                given(p.floor_money),
                given(p.floor_share),
                p.overage,
                given(p.budget),
            )
            for p in world.providers
        ),
        delay_rates=tuple(world.delay_rates),
        period=world.period,
        first_period=world.first_period,
        offer_interval=world.offer_interval,
        reoffer_gap=world.reoffer_gap,
        pass_size=world.pass_size,
        max_hold=world.max_hold,
        dispatch=EASY if world.dispatch == "easy" else FCFS,
    ).pack()


def jobs_of(world: World) -> np.recarray:
    """The kernel's job table of a world."""
    jobs = np.zeros(len(world.jobs), JOB)
    for name in JOB.names or ():
        jobs[name] = [getattr(job, name) for job in world.jobs]
    return jobs.view(np.recarray)


def begun(world: World, *, slots: int = 16, log: bool = True) -> Worlds:
    """A batch of one episode at time 0, with what was used and delivered before it."""
    worlds = Worlds(packed(world), jobs_of(world), 1, slots=slots, log=log)
    worlds.begin(0)
    for site, (used, delivered) in enumerate(zip(world.used_before, world.delivered_before, strict=True)):
        worlds.state().use_offset[site] += used
        worlds.state().delivered_offset[site] += delivered
    return worlds


@kernel
def keyed_action(seed, job, attempt, mask):
    """The action that `reference.random_worlds.keyed_choice` takes."""
    bits = mix(mix(np.uint64(seed) * GOLDEN + np.uint64(job)) + np.uint64(attempt))
    actions = np.uint64(len(mask))
    if (bits >> THIRTY_TWO) % np.uint64(20) == np.uint64(0):
        return np.int64(bits % actions)
    legal = 0
    for action in range(len(mask)):
        legal += mask[action]
    nth = np.int64(bits % np.uint64(legal))
    for action in range(len(mask)):
        if mask[action] == 1:
            if nth == 0:
                return action
            nth -= 1
    return -1


@chooser
def choose(view, observation, mask, knobs, scratch):
    """The keyed action for the offered job and its attempt."""
    item = view.world.live[offered_slot(view.world)]
    return keyed_action(int(knobs[0]), item.job, item.attempts, mask)


def keyed_agent(seed: int) -> Agent:
    """Random but repeatable: a function of (seed, job, attempt, mask)."""
    return Agent(f"keyed-{seed}", choose, np.array([float(seed)]))
