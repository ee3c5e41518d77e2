"""The published rule that gives a recorded job a class of the scenario: by its kind, else by its gang and runtime.

No trace says what a job was worth, or where it could have run. This rule is fixed, so that all results use the same
one. docs/traces.md shows it as tables.
"""

from collections.abc import Sequence

import numpy as np

from ...fastsim.errors import InputError
from ..scenario import Scenario
from .table import Trace

# From short experiments to the largest runs; a class that the scenario lacks is replaced by the nearest on this line.
LINE = (
    "evaluation",
    "prototyping",
    "research",
    "variants",
    "sft",
    "constitutional_ai",
    "rlhf",
    "pretraining",
)
KINDS = {
    **{name: name for name in LINE},
    # Acme
    "pretrain": "pretraining",
    "eval": "evaluation",
    "mllm": "variants",
    "debug": "prototyping",
    "other": "research",
    # Alibaba PAI; its other kinds (tensorflow, worker, PyTorchWorker …) name a framework, not a purpose
    "evaluator": "evaluation",
    "jupytertask": "prototyping",
    "tvmtunemain": "research",
    "osstovolumeworker": "research",
}
# Rows: small, medium, big gangs. Columns: short, middling, long runtimes.
BY_SIZE = (
    ("evaluation", "prototyping", "research"),
    ("prototyping", "sft", "variants"),
    ("prototyping", "variants", "pretraining"),
)


def classify(trace: Trace, scenario: Scenario) -> np.ndarray:
    """The class of each job, as an index into the scenario's classes; shape (jobs,), int16.

    Raises:
        InputError: none of the scenario's classes has a name that the rule knows.
    """
    offered = [entry.name for entry in scenario.classes]
    of_size = np.array([[_nearest(name, offered) for name in row] for row in BY_SIZE], dtype=np.int16)
    by_size = of_size[gang_sizes(trace.gang), runtime_lengths(trace.walltime_ms)]
    by_kind = np.array([_of_kind(kind, offered) for kind in trace.kinds] + [-1], dtype=np.int16)[trace.kind]
    return np.where(by_kind >= 0, by_kind, by_size).astype(np.int16)


def gang_sizes(gang: np.ndarray) -> np.ndarray:
    """0 small: one accelerator, or up to 1/64 of the trace's largest gang; 2 big: a quarter of it or more; 1 else."""
    largest = gang.max()
    is_small = (gang == 1) | (gang * 64 <= largest)
    is_big = ~is_small & (gang * 4 >= largest)
    return np.where(is_small, 0, np.where(is_big, 2, 1))


def runtime_lengths(walltime: np.ndarray) -> np.ndarray:
    """0 short: below the trace's median; 2 long: in its longest tenth; 1 else."""
    ascending = np.sort(walltime)
    median, ninth_decile = ascending[len(ascending) // 2], ascending[len(ascending) * 9 // 10]
    return np.where(walltime < median, 0, np.where(walltime >= ninth_decile, 2, 1))


def _of_kind(kind: str, offered: Sequence[str]) -> int:
    """The class that a recorded kind means, −1 for none; a kind named like a class of the scenario is that class."""
    for index, name in enumerate(offered):
        if name.lower() == kind.lower():
            return index
    meant = KINDS.get(kind.lower())
    return -1 if meant is None else _nearest(meant, offered)


def _nearest(wanted: str, offered: Sequence[str]) -> int:
    """The offered class that stands nearest to `wanted` on the line; of two, the smaller."""
    if len(offered) == 1:
        return 0
    places = [(abs(LINE.index(name) - LINE.index(wanted)), LINE.index(name), name) for name in offered if name in LINE]
    if not places:
        reason = "are none that a trace can be mapped to"
        raise InputError("scenario", "classes", ", ".join(offered), reason, f"name one of {', '.join(LINE)}")
    return offered.index(min(places)[2])
