"""The worlds of the reference simulator, as the kernel takes them; and an agent that both can follow."""

import numpy as np

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.jit import kernel
from tidegate.fastsim.keyed import mix
from tidegate.fastsim.offers import offered_slot
from tidegate.fastsim.spec import (
    BURST,
    COMMITTED,
    EASY,
    FCFS,
    JOB,
    NO,
    ClassTable,
    ProviderTable,
    SiteTable,
    Spec,
    SpecTable,
)
from tidegate.fastsim.units import NEVER
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
                tuple((at, capacity, announced, given(withdrawn)) for at, capacity, announced, withdrawn in s.steps),
                tuple(s.price_steps),
                s.silicon,
                table(s.failure),
                table(s.start_up),
                s.usual_start_up,
                s.denial,
                tuple(s.grants),
                s.increment,
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
                p.carry,
                NEVER if p.ends is None else p.ends,
                p.in_arrears,
                p.egress_rate,
                tuple(p.links),
            )
            for p in world.providers
        ),
        classes=tuple(ClassTable(c.delay_rate, c.checkpoint, c.restart, c.port, c.preemptible) for c in world.classes),
        period=world.period,
        first_period=world.first_period,
        offer_interval=world.offer_interval,
        reoffer_gap=world.reoffer_gap,
        pass_size=world.pass_size,
        backfill_depth=world.backfill_depth,
        max_hold=world.max_hold,
        dispatch=EASY if world.dispatch == "easy" else FCFS,
        preempt_after=world.preempt_after,
        kill_overruns=world.kill_overruns,
    ).pack()


def table(quantiles: list[int] | None) -> np.ndarray | None:
    """A distribution, if there is one."""
    return None if quantiles is None else np.array(quantiles, np.int64)


def jobs_of(world: World) -> np.recarray:
    """The kernel's job table of a world."""
    jobs = np.zeros(len(world.jobs), JOB)
    for name in set(JOB.names or ()) - {"descendants", "path"}:  # these are not the rules' but routers'
        jobs[name] = [getattr(job, name) for job in world.jobs]
    return jobs.view(np.recarray)


def begun(world: World, *, slots: int = 16, log: bool = True, results: int = 0) -> Worlds:
    """A batch of one episode at time 0, with what was used and delivered before it."""
    worlds = Worlds(packed(world), jobs_of(world), 1, slots=slots, log=log, results=results)
    worlds.begin(0, seed=world.seed)
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
