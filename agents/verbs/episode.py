"""One episode, watched: played day by day with its log on, then summed up."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...envs.generator import generate
from ...envs.scenario import Scenario
from ...fastsim.agent import Player
from ...fastsim.keyed import world_seed
from ...fastsim.units import DAY, DOLLAR, HOUR
from ...fastsim.worlds import Totals, Worlds
from ..evaluation.measures import Sample, by_class, ground_of, measured
from ..evaluation.outcomes import cohort_of
from ..evaluation.record import all_known, known
from ..evaluation.window import scored, through

STREAM = 1 << 40  # far from those that policies are trained and compared on
COUNTS = (
    *("finished", "cancelled", "killed", "expired", "written_off", "missed"),
    *("decisions", "first_offers", "moves", "illegal"),
    *("evictions", "preemptions", "failed", "asked", "denied"),
)


class Watched(NamedTuple):
    """An episode at its end."""

    worlds: Worlds  # one world, with its log
    sample: Sample  # all its jobs, as one cohort


def watched(scenario: Scenario, agent: Player, seed: int, days: int, progress: Callable[[float], Any]) -> Watched:
    """A world that began empty and has met `days` days of arrivals. `progress` takes the share that is over."""
    jobs = generate(scenario, seed, STREAM, days)
    spec = scenario.compile(seed=seed)
    worlds = Worlds(spec, jobs, 1, log=True, results=len(jobs))
    worlds.begin(0, seed=world_seed(seed, STREAM))
    edges = np.arange(days + 1) * DAY
    cohort = cohort_of(worlds, 0, edges)
    worlds.ask_results(0, 0, len(jobs))
    worlds.state().open_results += 1  # so that it goes on to the end when its last job has left early
    window = through(worlds, agent, [edges], lambda done: progress(done / days))
    played = scored(worlds, 0, cohort, window)
    return Watched(worlds, Sample(ground_of(scenario, spec), played.rows, played.fares, played.responses))


def played(scenario: Scenario, agent: Player, seed: int, days: int, progress: Callable[[float], Any]) -> Worlds:
    """The world of `watched`."""
    return watched(scenario, agent, seed, days, progress).worlds


def summed_up(scenario: Scenario, episode: Watched) -> dict[str, Any]:
    """Counts, costs in dollars, measures, use by site and waits by class."""
    worlds, state = episode.worlds, episode.worlds.state()
    return {
        "jobs": len(worlds.jobs),
        "waiting": int(state.waiting),
        "starting": int(state.requests),
        "running": int(state.finishes),
        "pending": int(state.pending),
        **{name: int(state[name]) for name in COUNTS},
        "cost": dollars(worlds.totals()),
        "measures": all_known(measured(episode.sample)),
        "sites": {site.name: _use(episode.sample, index) for index, site in enumerate(scenario.sites)},
        "classes": _by_class(episode.sample),
        "events": len(worlds.log()),
        "digest": worlds.digest(),
    }


def dollars(totals: Totals) -> dict[str, float]:
    """The ledger in dollars; µ$ are six places."""
    parts = ("bill", "floors", "avoidable", "overage", "burst", "egress", "delay", "penalty", "write_off")
    return {part: getattr(totals, part) / DOLLAR for part in parts}


def _use(sample: Sample, site: int) -> dict[str, float | None]:
    """Accelerator-hours available and used at one site, and their ratio."""
    supply, busy = int(sample.by_site("supply")[site]), int(sample.by_site("busy")[site])
    return {
        "available_hours": supply / HOUR,
        "used_hours": busy / HOUR,
        "utilisation": known(busy / supply) if supply else None,
    }


def _by_class(sample: Sample) -> dict[str, Any]:
    """Jobs and how they fared, by class."""
    count = np.bincount(sample.fares.cls, minlength=len(sample.ground.classes)).tolist()
    found = by_class(sample)
    return {name: {"jobs": count[number], **all_known(found[name])} for number, name in enumerate(found)}
