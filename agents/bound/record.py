"""Headroom as JSON, for machines and for tables that are made later."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...fastsim.errors import InputError
from .headroom import Headroom

BEST_TUNED = "best-tuned"


def to_json(found: Headroom) -> dict[str, Any]:
    """Dollars of avoidable cost per episode: means, and every episode; null where something was not asked for."""
    return {
        "scenario": found.scenario,
        "scenario_digest": found.digest,
        "trace": found.trace,
        "load": found.load,
        "delay_factor": found.delay_factor,
        "seed": found.seed,
        "episodes": len(found),
        "base": found.base,
        "bound_mean": float(found.bound.mean()),
        "clairvoyant_mean": None if found.clairvoyant is None else float(found.clairvoyant.mean()),
        "best_tuned_mean": _mean(found, BEST_TUNED),
        "policy_means": {name: float(costs.mean()) for name, costs in found.policies.items()},
        "bound": found.bound.tolist(),
        "clairvoyant": None if found.clairvoyant is None else found.clairvoyant.tolist(),
        "policies": {name: costs.tolist() for name, costs in found.policies.items()},
        "is_solved": found.is_solved.tolist(),
        "solver_seconds": found.seconds.tolist(),
    }


def _mean(found: Headroom, name: str) -> float | None:
    return float(found.policies[name].mean()) if name in found.policies else None


def load_headroom(path: Path) -> Headroom:
    """What `tidegate bound --json` has written. Raises InputError for a file that does not hold it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Headroom(
            scenario=str(content["scenario"]),
            digest=str(content["scenario_digest"]),
            trace=content["trace"],
            load=content["load"],
            seed=int(content["seed"]),
            base=str(content["base"]),
            policies={str(name): _costs(costs) for name, costs in content["policies"].items()},
            clairvoyant=None if content["clairvoyant"] is None else _costs(content["clairvoyant"]),
            bound=_costs(content["bound"]),
            is_solved=np.array(content["is_solved"], bool),
            seconds=_costs(content["solver_seconds"]),
            delay_factor=float(content["delay_factor"]),
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError("--bounds", "file", path, f"cannot be read: {reason}", "correct the path") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = "write it with tidegate bound --json"
        raise InputError("--bounds", "file", path, "does not hold the bounds of an evaluation", remedy) from None
    _check_lengths(found, path)
    return found


def _check_lengths(found: Headroom, path: Path) -> None:
    """Raise InputError where there are no episodes, or not as many of everything."""
    remedy = "write it with tidegate bound --json"
    if len(found) == 0:
        raise InputError(f"--bounds {path}", "bound", "[]", "holds no episode", remedy)
    columns = {f"policies.{name}": costs for name, costs in found.policies.items()}
    columns |= {"clairvoyant": found.clairvoyant, "is_solved": found.is_solved, "solver_seconds": found.seconds}
    for name, values in columns.items():
        if values is not None and len(values) != len(found):
            reason = f"are as many values as episodes, and bound has {len(found)}"
            raise InputError(f"--bounds {path}", name, len(values), reason, remedy)


def _costs(values: Any) -> np.ndarray:
    costs = np.array(values, np.float64)
    if costs.ndim != 1 or not np.isfinite(costs).all():
        raise ValueError
    return costs
