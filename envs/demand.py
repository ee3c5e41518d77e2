"""The work of a scenario at one load, compiled to the tables that the generator's kernels read.

A *row* is a class, or a stage of a pipeline: stages follow the classes, pipeline by pipeline. Choices are values and
cumulative probabilities (of `CERTAIN`), padded at the end.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ..fastsim.errors import InputError
from .offered import Offered
from .pipelines import Pipeline, Stage
from .quantiles import exponential_table, gamma_table, table_mean
from .quantities import whole
from .scenario import Scenario
from .serving import MOST_BLOCKS, Serving
from .work import ANY, ClassTerms, Deadline, JobClass

UNIT = 1 << 28  # one expected submission
MOST = 1 << 40  # units of one kind in one hour: × 3,600,000 ms stays below 2^62
CERTAIN = 1 << 30  # probability 1
NONE = -1  # no native silicon, no partner
BLOCK_BITS = 16  # fraction of a block in `need`
GAMMA_BITS = 20  # fraction of a Gamma factor
MB_PER_BILLION = 1000  # of parameters, for a byte of each
MB_PER_GB = 1000


class Demand(NamedTuple):
    """The jobs and pipelines of a scenario."""

    rate: np.ndarray  # (classes + pipelines, 168) int64: units in each hour of the week, Monday 00:00 first, on day 0
    growth: np.ndarray  # (steps, 2) int64: from when [ms], permille
    gap: np.ndarray  # (2048,) int64: quantiles of the gap, units
    requests: np.ndarray  # (3,) int64, permille: exact, overrun, largest factor
    batches: np.ndarray  # (2, classes, choices) int64
    spacing: np.ndarray  # (classes,) int64: mean time between jobs of a batch, ms
    # of rows
    cls: np.ndarray  # (rows,) int64
    priority: np.ndarray  # (rows,) int64
    walltime: np.ndarray  # (rows, 2048) int64: quantiles of the planned walltime, ms
    longest: np.ndarray  # (rows,) int64: longest request, ms
    gangs: np.ndarray  # (2, rows, choices) int64
    tags: np.ndarray  # (2, rows, choices) int64
    native: np.ndarray  # (2, rows, choices) int64
    early: np.ndarray  # (rows, 2) int64, of CERTAIN: probability of an early end, part of the walltime
    deadline: (
        np.ndarray
    )  # (rows, 6) int64: probability, of CERTAIN; slack, permille and ms (lowest, width); µ$ per hour
    dataset: np.ndarray  # (2, rows, choices) int64: MB
    homes: np.ndarray  # (2, 1, choices) int64: providers
    models: np.ndarray  # (sizes, 2) int64: smallest gang, billions of parameters
    weights: np.ndarray  # (rows, 2) int64, MB per billion: of a model that is read, that is written
    state: np.ndarray  # (rows,) int64, MB per billion of what a checkpoint holds
    # of pipelines
    first: np.ndarray  # (pipelines + 1,) int64: pipeline p has the stages first[p] … first[p + 1] − 1
    release: np.ndarray  # (pipelines, 6) int64: as `deadline`
    wanted: np.ndarray  # (2, stages, choices) int64: jobs
    most: np.ndarray  # (stages,) int64: members
    parents: np.ndarray  # (stages,) int64: bit set of stages of its pipeline
    partner: np.ndarray  # (stages,) int64: a stage of its pipeline, or NONE
    syncs: np.ndarray  # (stages,) int64, MB per billion


class Service(NamedTuple):
    """The demand for one service."""

    need: np.ndarray  # (groups, 168) int64: blocks × 2^16 at the beginning of each hour of the week, on day 0
    burst: np.ndarray  # (groups, 2048) int64: quantiles of the factor of a slot, × 2^20
    growth: np.ndarray  # (steps, 2) int64: from when [ms], permille
    surges: np.ndarray  # (surges, 3) int64: from, to [ms], permille
    tags: np.ndarray  # (2, 1, choices) int64
    native: np.ndarray  # (2, 1, choices) int64
    homes: np.ndarray  # (2, 1, choices) int64: providers
    slot: int  # ms
    longest: int  # slots of a block
    gang: int
    cls: int
    priority: int
    weights: int  # MB of its model, which lie at home


def _choices(options: Sequence[Mapping[int, Decimal]]) -> np.ndarray:
    """One row of values and one of cumulative probabilities for each option."""
    width = max(len(weights) for weights in options)
    table = np.full((2, len(options), width), CERTAIN, np.int64)
    for row, weights in enumerate(options):
        values = sorted(weights)
        total = sum(Fraction(weights[value]) for value in values)
        table[0, row, : len(values)] = values
        below = accumulate(Fraction(weights[value]) for value in values)
        table[1, row, : len(values)] = [CERTAIN * sum_ // total for sum_ in below]
    return table


def _tags(scenario: Scenario, cls: ClassTerms) -> dict[int, Decimal]:
    """Required tags → weight."""
    return {scenario.tag_mask(tag): weight for tag, weight in cls.portability.items()}


def _native(scenario: Scenario, cls: ClassTerms) -> dict[int, Decimal]:
    """Number of the native silicon → weight."""
    silicons = scenario.silicons
    return {NONE if name == ANY else silicons.index(name): weight for name, weight in cls.native.items()}


def _homes(scenario: Scenario) -> np.ndarray:
    """Where datasets and models lie."""
    models = scenario.workload.models
    providers = [provider.name for provider in scenario.providers]
    return _choices(
        [{providers.index(home): weight for home, weight in models.homes.items()} if models else {0: Decimal(1)}]
    )


def _growth(scenario: Scenario) -> np.ndarray:
    """The steps of growth, the one at 0 first."""
    steps = [(whole(step.at_day, "days"), whole(step.factor, "permille")) for step in scenario.workload.growth]
    return np.array([(0, 1000), *steps], np.int64)


def _deadline_row(deadline: Deadline | None) -> list[int]:
    """Of `Demand.deadline`."""
    return [0] * 6 if deadline is None else [int(deadline.share * CERTAIN), *deadline.row]


def _rates(scenario: Scenario, name: str, per_hour: Fraction, rhythm: Decimal, gap: Fraction) -> list[int]:
    """Units of one kind of submission in each hour of the week."""
    follows = Fraction(rhythm)
    rates = [round(per_hour * gap * (1 + follows * (factor - 1))) for factor in scenario.workload.week]
    if max(rates) * scenario.workload.largest_growth >= MOST:
        what, most = f"submissions per hour of {name}", MOST // UNIT
        raise InputError(scenario.name, what, max(rates) // UNIT, f"at most {most} are possible", "lower the load")
    return rates


def _all_rates(scenario: Scenario, offered: Offered, gap: Fraction) -> np.ndarray:
    """Of `Demand.rate`."""
    classes = [
        _rates(scenario, cls.name, offered.alone_per_hour(cls) / cls.mean_batch, cls.rhythm, gap)
        for cls in scenario.classes
    ]
    pipelines = [
        _rates(scenario, one.name, offered.pipelines_per_hour(one), one.rhythm, gap) for one in scenario.pipelines
    ]
    return np.array(classes + pipelines, np.int64)


def _rows(scenario: Scenario) -> list[tuple[JobClass, Stage | None]]:
    """The class of each row, and its stage if it is one."""
    classes = {cls.name: cls for cls in scenario.classes}
    stages = [(classes[stage.job_class], stage) for pipeline in scenario.pipelines for stage in pipeline.stages]
    return [*((cls, None) for cls in scenario.classes), *stages]


def _row_tables(scenario: Scenario) -> dict[str, np.ndarray]:
    """The tables of rows by their names in `Demand`."""
    rows = _rows(scenario)
    classes = [cls for cls, _ in rows]
    walltimes = [(stage and stage.walltime) or cls.walltime for cls, stage in rows]
    early = [(ends.share, ends.within) if (ends := cls.early_ends) else (Decimal(0), Decimal(0)) for cls in classes]
    models = scenario.workload.models
    weight, state = (models.weights_bytes, models.state_bytes) if models else (0, 0)
    return {
        "cls": np.array([scenario.classes.index(cls) for cls in classes], np.int64),
        "priority": np.array([cls.priority for cls in classes], np.int64),
        "walltime": np.stack([walltime.table for walltime in walltimes]),
        "longest": np.array([walltime.longest for walltime in walltimes], np.int64),
        "gangs": _choices([(stage and stage.gangs) or cls.gangs for cls, stage in rows]),
        "tags": _choices([_tags(scenario, cls) for cls in classes]),
        "native": _choices([_native(scenario, cls) for cls in classes]),
        "early": np.array([[int(part * CERTAIN) for part in pair] for pair in early], np.int64),
        "deadline": np.array([_deadline_row(None if stage else cls.deadline) for cls, stage in rows], np.int64),
        "dataset": _choices([{gb * MB_PER_GB: w for gb, w in cls.dataset_gb.items()} for cls in classes]),
        "weights": np.array([(cls.reads_weights, cls.writes_weights) for cls in classes]) * weight * MB_PER_BILLION,
        "state": np.array([cls.checkpoint_minutes > 0 for cls in classes]) * state * MB_PER_BILLION,
        "models": np.array(models.sizes if models else [(1, 1)], np.int64),
    }


def _stage_tables(scenario: Scenario) -> dict[str, np.ndarray]:
    """The tables of pipelines by their names in `Demand`."""
    stages = [(pipeline, stage) for pipeline in scenario.pipelines for stage in pipeline.stages]
    sizes = [len(pipeline.stages) for pipeline in scenario.pipelines]
    weight = scenario.workload.models.weights_bytes if scenario.workload.models else 0

    def bits(pipeline: Pipeline, stage: Stage) -> int:
        return sum(1 << pipeline.position(parent) for parent in set(stage.parents))

    def partner(pipeline: Pipeline, stage: Stage) -> int:
        return NONE if stage.partner is None else pipeline.position(stage.partner)

    return {
        "first": np.array([0, *accumulate(sizes)], np.int64),
        "release": np.array([_deadline_row(one.deadline) for one in scenario.pipelines], np.int64).reshape(-1, 6),
        "wanted": _choices([stage.count for _, stage in stages] or [{1: Decimal(1)}]),
        "most": np.array([stage.most_members for _, stage in stages], np.int64),
        "parents": np.array([bits(*pair) for pair in stages], np.int64),
        "partner": np.array([partner(*pair) for pair in stages], np.int64),
        "syncs": np.array([stage.weight_syncs for _, stage in stages], np.int64) * weight * MB_PER_BILLION,
    }


def demand_of(scenario: Scenario, load: Decimal | None = None) -> Demand:
    """The tables of jobs and pipelines. Raises InputError where one is submitted too often."""
    requests = scenario.workload.requests
    gap = exponential_table(UNIT)
    permilles = [whole(part, "permille") for part in (requests.exact, requests.overrun, requests.up_to)]
    return Demand(
        rate=_all_rates(scenario, scenario.offered(load), table_mean(gap)),
        growth=_growth(scenario),
        gap=gap,
        requests=np.array(permilles, np.int64),
        batches=_choices([cls.batches for cls in scenario.classes]),
        spacing=np.array([whole(cls.spacing_seconds, "seconds") for cls in scenario.classes], np.int64),
        homes=_homes(scenario),
        **_row_tables(scenario),
        **_stage_tables(scenario),
    )


def _needed(scenario: Scenario, serving: Serving, accelerators: Fraction) -> np.ndarray:
    """Of `Service.need`; refuses a service of too many blocks."""
    table = [[round(blocks * (1 << BLOCK_BITS)) for blocks in row] for row in serving.need(accelerators)]
    most = sum(max(row) for row in table) * scenario.workload.largest_growth * serving.largest_surge
    if most >= MOST_BLOCKS << BLOCK_BITS:
        what, remedy = f"blocks of {serving.name} at once", "make blocks larger"
        raise InputError(scenario.name, what, int(most) >> BLOCK_BITS, f"at most {MOST_BLOCKS} are possible", remedy)
    return np.array(table, np.int64)


def services_of(scenario: Scenario, load: Decimal | None = None) -> tuple[Service, ...]:
    """The tables of serving, service by service. Raises InputError for one of too many blocks."""
    offered, models = scenario.offered(load), scenario.workload.models
    return tuple(
        Service(
            need=_needed(scenario, serving, offered.served(serving)),
            burst=np.stack([gamma_table(1 << GAMMA_BITS, Fraction(group.variation)) for group in serving.clients]),
            growth=_growth(scenario),
            surges=np.array([surge.row for surge in serving.surges], np.int64).reshape(-1, 3),
            tags=_choices([_tags(scenario, serving)]),
            native=_choices([_native(scenario, serving)]),
            homes=_homes(scenario),
            slot=serving.slot,
            longest=serving.longest,
            gang=serving.gang,
            cls=len(scenario.classes) + index,
            priority=serving.priority,
            weights=models.weights_bytes * MB_PER_BILLION * serving.billions if models and serving.reads_weights else 0,
        )
        for index, serving in enumerate(scenario.serving)
    )


class Work(NamedTuple):
    """All the work of a scenario, compiled."""

    demand: Demand
    services: tuple[Service, ...]
    jobs_per_day: float  # expected at most: while the load and the surges are at their highest


@lru_cache(maxsize=32)
def work_of(scenario: Scenario, load: Decimal | None = None) -> Work:
    """The tables of jobs, pipelines and serving. Raises InputError where there is too much of one."""
    offered = scenario.offered(load)
    largest = sum(offered.largest_jobs_per_hour(cls) for cls in scenario.terms) * scenario.workload.largest_growth
    return Work(demand_of(scenario, load), services_of(scenario, load), float(24 * largest))
