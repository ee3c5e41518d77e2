"""The whole explanation as data: what `tidegate explain --json` prints, in dollars and hours."""

from math import sqrt
from statistics import mean, stdev
from typing import Any

import numpy as np

from ...fastsim.log import KINDS
from ...fastsim.units import DAY, DOLLAR, HOUR
from . import job, known, weights
from .branches import Branch, Branches, Cost
from .futures import VARIED
from .offer import Found
from .option import Option, options
from .sentence import sentence
from .weights import Score


def answered(found: Found, branches: Branches) -> dict[str, Any]:
    """All that is told of an offer."""
    seen = known.read(found)
    choices, scores = options(found, seen), None
    if weights.is_learned(found.agent):
        scores = weights.scored(found.agent, found.worlds.observations[0], len(found.scenario.sites))
    return {
        "sentence": sentence(choices, found.action, scores),
        "scenario": found.scenario.name,
        "scenario_digest": found.scenario.digest(),
        "policy": found.agent.name,
        "notes": [found.agent.note] if found.agent.note else [],
        "seed": found.seed,
        "day": found.now / DAY,
        "time_ms": found.now,
        "decision": found.actions[found.action],
        "job": job.told(found),
        "actions": [_action(one, place == found.action) for place, one in enumerate(choices)],
        "scores": None if scores is None else _scores(found, choices, seen.parts, scores),
        "branches": _branches(found, branches),
    }


def _action(option: Option, is_taken: bool) -> dict[str, Any]:
    """One action, as a router knows it."""
    head = {"action": option.name, "is_legal": option.is_legal, "is_taken": is_taken}
    return {**head, "costs": option.parts, **option.facts}


def _scores(found: Found, choices: list[Option], parts: np.ndarray, scores: list[Score]) -> list[dict[str, Any]]:
    """The score of each legal action in its parts; counted costs in dollars."""
    # As share_out in weighing.py has it: the total of all costs, of which an observation has shares.
    total = max(float(parts[:, :5].sum()), 1.0) / DOLLAR
    return [
        {
            "action": option.name,
            "score": score.score,
            "hidden": score.hidden,
            "favour": score.favour,
            "cost_term": score.cost_term,
            "as_at": found.scenario.sites[score.site].name,
            "a_dollar_counts": score.factors,
            "counted": {name: value * total for name, value in score.counted.items()},
        }
        for option, score in zip(choices, scores, strict=True)
        if option.is_legal
    ]


def _branches(found: Found, branches: Branches) -> dict[str, Any]:
    """What each action came to beside the one that was taken, in the true future and in others."""
    (taken,) = [row for row, one in enumerate(branches.true) if one.action == found.action]
    return {
        "hours": branches.until / HOUR,
        "futures": len(branches.futures),
        "varied": VARIED,
        "actions": [_branch(found, branches, row, taken) for row in range(len(branches.true))],
    }


def _branch(found: Found, branches: Branches, row: int, taken: int) -> dict[str, Any]:
    one, base = branches.true[row], branches.true[taken]
    others = [(future[row], future[taken]) for future in branches.futures]
    return {
        "action": found.actions[one.action],
        "cost": {part: _dollars(getattr(one, part)) for part in ("cluster", "job", "others")},
        "more": {
            part: _dollars(getattr(one, part).minus(getattr(base, part))) for part in ("cluster", "job", "others")
        },
        "more_in_futures": {
            part: _spread([getattr(mine, part).whole - getattr(its, part).whole for mine, its in others])
            for part in ("cluster", "job", "others")
        },
        **_fared(found, one),
    }


def _fared(found: Found, one: Branch) -> dict[str, Any]:
    """How the job itself fares."""
    return {
        "site": found.actions[one.site] if one.site >= 0 else None,
        "waited_hours": one.waited / HOUR,
        "started_after_hours": one.started / HOUR if one.started >= 0 else None,
        "left_after_hours": one.left / HOUR if one.left >= 0 else None,
        "outcome": KINDS[one.outcome - 1].lower() if one.outcome else None,
    }


def _dollars(cost: Cost) -> dict[str, float]:
    parts = {name: getattr(cost, name) / DOLLAR for name in Cost._fields}
    return {"whole": cost.whole / DOLLAR, **parts}


def _spread(values: list[int]) -> dict[str, float | None]:
    """Mean and standard error [$] of some differences [µ$]; None where there are too few."""
    return {
        "mean": mean(values) / DOLLAR if values else None,
        "standard_error": stdev(values) / sqrt(len(values)) / DOLLAR if len(values) > 1 else None,
    }
