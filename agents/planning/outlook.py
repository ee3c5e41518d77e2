"""What a router knows of one episode now: who waits, what will be free, what it will cost, what is left of commitments.

Reads requests and announcements, never a walltime, an arrival to come, or a step that nobody has announced.
"""

from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.jit import by_reference, entry
from ...fastsim.ledger import drawn, floor_so_far
from ...fastsim.spec import MAX_PROVIDERS, Spec
from ...fastsim.state import RUNNING, SLOT_BITS, SLOT_MASK, STARTING, WAITING, World, world_of
from ...fastsim.units import DOLLAR, HOUR, WEEK
from ...fastsim.worlds import Worlds
from .runs import Survival
from .slots import COUNT, EDGES, HOURS, PERIODS


class Waiting(NamedTuple):
    """Jobs that wait now."""

    jobs: Any  # (n,) their rows of JOB; `walltime` is not read
    requested: np.ndarray  # (n,) hours at speed 1 that remain of the request


class Outlook(NamedTuple):
    """All that a plan depends on."""

    now: int  # ms
    waiting: Waiting
    reach: np.ndarray  # (sites,) largest capacity now or announced
    free: np.ndarray  # (sites, slots) accelerator-hours that nobody is expected to occupy, not below 0
    released: np.ndarray  # (sites, slots + 1) accelerators expected to become free until each edge
    serving: np.ndarray  # (classes, slots) accelerator-hours that running blocks serve
    price: np.ndarray  # (sites, slots) $ per accelerator-hour
    headroom: np.ndarray  # (providers,) $ that may be drawn under take-or-pay before overage, floor so far


@entry()
def fill_commitments(spec: Spec, batch: World, episode: int, out: np.ndarray) -> None:
    """Fill floor so far + carried − drawn [µ$] of every take-or-pay provider of one episode, (MAX_PROVIDERS,)."""
    terms, world = by_reference(spec), by_reference(world_of(batch, episode))
    for provider in range(spec.rules[0].providers):
        if spec.rules[0].take_or_pay[provider] == 1:
            floor = floor_so_far(terms, world, provider) + world.state[0].carried[provider]
            out[provider] = floor - drawn(terms, world, provider)


def outlook(worlds: Worlds, episode: int, scenario: Scenario, survivals: tuple[Survival, ...]) -> Outlook:
    """Of one episode; `survivals` by class."""
    spec, state = worlds.spec, worlds.state(episode)
    sites, now = int(state.sites), int(state.now)
    live = worlds.batch.live[episode][: int(state.slots)]
    waits, runs = live[live.status == WAITING], live[(live.status == RUNNING) | (live.status == STARTING)]
    occupied, ended, serving = _occupied(worlds.jobs, runs, now, sites, survivals)
    capacity = np.stack([_capacity(worlds, episode, site, scenario) for site in range(sites)])
    price = np.stack([_prices(spec, state, site) for site in range(sites)])
    return Outlook(
        now=now,
        waiting=Waiting(worlds.jobs[waits.job], waits.claim / HOUR),
        reach=np.maximum(state.announced_reach[:sites], [site.capacity if site.spot else 0 for site in scenario.sites]),
        free=np.maximum(capacity * HOURS - occupied, 0.0),
        released=np.maximum.accumulate(ended + _gained(worlds, episode, sites), axis=1),
        serving=serving,
        price=price,
        headroom=_headroom(worlds, episode, capacity, price),
    )


def _occupied(
    jobs: Any, runs: Any, now: int, sites: int, survivals: tuple[Survival, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is expected of who runs or starts.

    Accelerator-hours in each slot (sites, slots), accelerators that end until each edge (sites, slots + 1), and
    accelerator-hours of blocks by class (classes, slots).
    """
    occupied, ended = np.zeros((sites, COUNT)), np.zeros((sites, COUNT + 1))
    serving = np.zeros((len(survivals), COUNT))
    work = jobs[runs.job]
    begins = np.where(runs.status == RUNNING, runs.begin, now)
    length = np.maximum(runs.requested_end - begins, 1) / HOUR
    for cls, survival in enumerate(survivals):
        chosen = np.flatnonzero(work.cls == cls)
        elapsed = (now - begins[chosen])[:, None] / HOUR
        ratio = (elapsed + EDGES) / length[chosen, None]
        left = survival.left(np.maximum(ratio[:, 0], 0.0))
        hours = np.diff(survival.ran(ratio), axis=1) * (length[chosen] / left)[:, None]
        hours = np.minimum(hours, HOURS) * runs.accelerators[chosen, None]
        np.add.at(occupied, runs.site[chosen], hours)
        over = 1 - np.minimum(survival.left(np.maximum(ratio, 0.0)) / left[:, None], 1.0)
        np.add.at(ended, runs.site[chosen], over * runs.accelerators[chosen, None])
        if len(chosen) and work.until[chosen[0]] > 0:
            serving[cls] = (hours / runs.accelerators[chosen, None] * work.gang[chosen, None]).sum(axis=0)
    return occupied, ended, serving


def _capacity(worlds: Worlds, episode: int, site: int, scenario: Scenario) -> np.ndarray:
    """Mean capacity of a site in each slot (slots,): announced steps, and how long spot capacity is there."""
    state, spec = worlds.state(episode), worlds.spec
    terms = scenario.sites[site]
    if terms.spot is not None:
        return terms.capacity * _up(terms.spot, bool(state.capacity[site] > 0))
    row = worlds.batch.plans[episode, site, : int(state.planned[site])]
    times = ((row >> SLOT_BITS) - int(state.now)) / HOUR
    levels = np.concatenate([[state.capacity[site]], spec.notices.capacity[row & SLOT_MASK]])
    return _means(times, levels.astype(np.float64))


def _gained(worlds: Worlds, episode: int, sites: int) -> np.ndarray:
    """How much more capacity than now is announced for each edge, (sites, slots + 1)."""
    state, gained = worlds.state(episode), np.zeros((sites, COUNT + 1))
    for site in range(sites):
        row = worlds.batch.plans[episode, site, : int(state.planned[site])]
        levels = np.concatenate([[state.capacity[site]], worlds.spec.notices.capacity[row & SLOT_MASK]])
        passed = np.searchsorted(row >> SLOT_BITS, int(state.now) + PERIODS, side="right")
        gained[site] = levels[passed] - state.capacity[site]
    return gained


def _up(spot: Any, is_up: bool) -> np.ndarray:
    """Expected share of each slot (slots,) in which spot capacity is there: up and down runs are exponential."""
    up, down = float(spot.mean_up_hours), float(spot.mean_down_hours)
    stationary, pace = up / (up + down), 1 / up + 1 / down
    gap = (1.0 if is_up else 0.0) - stationary
    return stationary + gap * -np.diff(np.exp(-pace * EDGES)) / pace / HOURS


def _prices(spec: Spec, state: Any, site: int) -> np.ndarray:
    """Mean price of a site in each slot (slots,) [$]: the present one, and the next step within a week."""
    steps = spec.price_steps[int(state.next_price) :]
    coming = np.flatnonzero((steps.site == site) & (steps.at <= state.now + WEEK))[:1]
    times = (steps.at[coming] - int(state.now)) / HOUR
    return _means(times, np.concatenate([[state.price[site]], steps.price[coming]]) / DOLLAR)


def _means(times: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Mean over each slot (slots,) of a step function: levels (n + 1,), which change at times (n,) [h from now]."""
    starts = np.concatenate([[0.0], np.maximum(times, 0.0)])
    areas = np.maximum(EDGES[:, None] - starts, 0.0) @ np.diff(np.concatenate([[0.0], levels]))
    return np.diff(areas) / HOURS


def _headroom(worlds: Worlds, episode: int, capacity: np.ndarray, price: np.ndarray) -> np.ndarray:
    """What commitments leave without overage until the last slot ends, (providers,) [$]."""
    rules = worlds.spec.rules[0]
    out = np.zeros(MAX_PROVIDERS, np.int64)
    fill_commitments(worlds.spec, worlds.batch, episode, out)
    headroom = out[: int(rules.providers)] / DOLLAR
    for provider in np.flatnonzero(rules.take_or_pay[: rules.providers]).tolist():
        if rules.floor_money[provider] >= 0:
            lasts = min(int(PERIODS[-1]), max(0, int(rules.ends[provider]) - int(worlds.state(episode).now)))
            headroom[provider] += rules.floor_money[provider] / DOLLAR * lasts / int(rules.period)
        else:
            own = np.flatnonzero(rules.provider[: int(rules.sites)] == provider)
            delivered = (capacity[own] * price[own] * HOURS).sum()
            headroom[provider] += delivered * rules.floor_share[provider] / 1000
    return headroom
