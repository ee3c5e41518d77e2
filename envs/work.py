"""The demand side of a scenario: job classes and the workload, as one writes them in its file.

What follows from the fields is a property. Pipelines of jobs are in pipelines.py, demand for serving in serving.py.
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ..fastsim.errors import InputError
from ..fastsim.keyed import LARGEST
from ..fastsim.units import SECOND
from .quantiles import lognormal_table, table_mean
from .quantities import Amount, Dollars, Name, Part, Ratio, Share, Time, Weight, Whole, mean_of, whole

SHORTEST = SECOND  # ms; no job is shorter
ANY = "any"  # portability: no tag required, no native silicon
Weights = Annotated[dict[Annotated[int, Field(ge=1, le=1 << 20)], Weight], Field(min_length=1, max_length=32)]
Amounts = Annotated[dict[Annotated[int, Field(ge=0, le=1 << 20)], Weight], Field(min_length=1, max_length=32)]
Choices = Annotated[dict[Name, Weight], Field(min_length=1, max_length=32)]


class Walltime(Part):
    """Log-normal walltime at speed 1, cut at `max_hours`: what a job would run if it did not end early."""

    median_hours: Annotated[Time, Field(gt=0)]
    p95_hours: Annotated[Time, Field(gt=0)]
    max_hours: Annotated[Time, Field(gt=0)]

    @model_validator(mode="after")
    def _is_ordered(self) -> "Walltime":
        if not self.median_hours < self.p95_hours:
            reason = f"not above the median, {self.median_hours}"
            raise InputError("p95_hours", "walltime", self.p95_hours, reason, "raise it")
        if not SHORTEST < self.longest < LARGEST:
            raise InputError("max_hours", "walltime", self.max_hours, "outside 1 s to 8.7 years", "correct it")
        return self

    @property
    def longest(self) -> int:
        """The cut [ms]."""
        return whole(self.max_hours, "hours")

    @property
    def table(self) -> np.ndarray:
        """Its quantiles, (2048,) int64 [ms], for the keyed generator."""
        return lognormal_table(*self._terms)

    @property
    def _terms(self) -> tuple[int, int, int, int]:
        return whole(self.median_hours, "hours"), whole(self.p95_hours, "hours"), SHORTEST, self.longest

    @property
    def mean(self) -> Fraction:
        """Its mean [ms]."""
        return _lognormal_mean(*self._terms)


@lru_cache(maxsize=256)
def _lognormal_mean(median: int, p95: int, low: int, high: int) -> Fraction:
    """Mean of a log-normal table, computed once."""
    return table_mean(lognormal_table(median, p95, low, high))


class EarlyEnds(Part):
    """Jobs that their users cancel long before their planned walltime: crashes, bugs, a look at the loss.

    They stop at a time that is uniform within the first part of it, `within`.
    """

    share: Share
    within: Annotated[Share, Field(gt=0)]


class Deadline(Part):
    """When work must have finished, counted from its arrival, and what it costs when it has not.

    Slack is what it may take beyond its requested walltime, a pipeline beyond its longest chain of them: a ratio of
    that, plus hours, each uniform between two bounds.
    """

    share: Annotated[Share, Field(gt=0)] = Decimal(1)  # of the jobs, or of the pipelines; the others have none
    slack: tuple[Ratio, Ratio] = (Decimal(0), Decimal(0))
    slack_hours: tuple[Time, Time] = (Decimal(0), Decimal(0))
    penalty_per_hour: Dollars  # per accelerator-hour requested, once

    @model_validator(mode="after")
    def _is_ordered(self) -> "Deadline":
        for key, (low, high) in (("slack", self.slack), ("slack_hours", self.slack_hours)):
            if not low <= high:
                raise InputError(key, "bounds", f"{low}, {high}", "not ascending", "exchange them")
        if self.slack_hours[1] > 10_000:
            raise InputError("slack_hours", "hours", self.slack_hours[1], "above 10000", "lower it")
        return self

    @property
    def row(self) -> list[int]:
        """Slack in permille (lowest, width), in ms (lowest, width), and the penalty [µ$ per accelerator-hour]."""
        ratios = [whole(bound, "permille") for bound in self.slack]
        times = [whole(bound, "hours") for bound in self.slack_hours]
        rate = whole(self.penalty_per_hour, "dollars")
        return [ratios[0], ratios[1] - ratios[0], times[0], times[1] - times[0], rate]


class ClassTerms(Part):
    """What is said of every class, of jobs or of serving."""

    name: Name
    priority: Annotated[Whole, Field(ge=0, le=7)]
    delay_cost_per_hour: Dollars  # per accelerator, while it waits
    share: Weight  # of the offered accelerator-hours, relative to the other classes
    portability: Choices = Field(default_factory=lambda: {ANY: Decimal(1)})  # required tag, or "any" → weight
    native: Choices = Field(default_factory=lambda: {ANY: Decimal(1)})
    # ↑ native silicon, or "any", of jobs that require no tag → weight: elsewhere they run at the price of a port
    restart_minutes: Time = Decimal(0)  # after a failure, or when it begins again elsewhere
    port_minutes: Time = Decimal(0)  # to other silicon than the native one
    reads_weights: bool = False  # begins from a model, which lies at home if no parent makes it


class JobClass(ClassTerms):
    """One kind of job."""

    gangs: Weights  # size → weight, by submission
    walltime: Walltime
    batches: Weights = Field(default_factory=lambda: {1: Decimal(1)})  # jobs submitted together → weight
    spacing_seconds: Annotated[Time, Field(le=3600)] = Decimal(0)  # mean time between them; 0: the same instant
    early_ends: EarlyEnds | None = None
    deadline: Deadline | None = None  # of jobs outside pipelines
    rhythm: Share = Decimal(1)  # 1: follows the hours of the week; 0: not at all
    checkpoint_minutes: Time = Decimal(0)  # between two checkpoints; 0: none
    is_preemptible: bool = False
    dataset_gb: Amounts = Field(default_factory=lambda: {0: Decimal(1)})  # input at home → weight, by submission
    writes_weights: bool = False  # its output is a model; without, nothing that counts

    @property
    def mean_gang(self) -> Fraction:
        """Accelerators per job."""
        return mean_of(self.gangs)

    @property
    def mean_batch(self) -> Fraction:
        """Jobs per submission."""
        return mean_of(self.batches)

    @property
    def mean_walltime(self) -> Fraction:
        """Mean walltime at speed 1 [ms], early ends included."""
        return self.mean_of_walltime(self.walltime)

    def mean_of_walltime(self, walltime: Walltime) -> Fraction:
        """Mean of a walltime at speed 1 [ms] for jobs of this class, early ends included."""
        planned = walltime.mean
        if self.early_ends is None:
            return planned
        return planned * (1 - Fraction(self.early_ends.share) * (1 - Fraction(self.early_ends.within) / 2))


class Requests(Part):
    """Requested walltime: exact, or too short, or longer by a uniform factor; never above the class's longest."""

    exact: Share
    overrun: Share  # of jobs; they request 0.5 to 1 of their planned walltime
    up_to: Annotated[Ratio, Field(ge=1)]

    @model_validator(mode="after")
    def _is_a_share(self) -> "Requests":
        if self.exact + self.overrun > 1:
            raise InputError("overrun", "share", self.overrun, f"with {self.exact} exact it exceeds 1", "lower one")
        return self


class Growth(Part):
    """From this day on, the offered load is multiplied by `factor`, relative to day 0."""

    at_day: Annotated[Time, Field(gt=0)]
    factor: Annotated[Ratio, Field(gt=0, le=100)]


class Reference(Part):
    """What a load of 1 keeps busy: a plan changes the commitment, and the work must stay what it is."""

    accelerators: Annotated[Whole, Field(ge=1)]
    capacity: Annotated[Amount, Field(gt=0)]  # of these accelerators: each × its speed, summed up


class Models(Part):
    """How large models are, and where they and the datasets lie before anyone has worked on them."""

    billions: dict[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1, le=1 << 20)]]
    # ↑ from this gang on → parameters, in billions
    weights_bytes: Annotated[Whole, Field(ge=1, le=64)]  # per parameter: a model as it is handed on
    state_bytes: Annotated[Whole, Field(ge=1, le=64)]  # per parameter: what a checkpoint holds
    homes: Choices  # provider → weight, by submission

    @model_validator(mode="after")
    def _covers_every_gang(self) -> "Models":
        if 1 not in self.billions:
            raise InputError("billions", "sizes", len(self.billions), "none from a gang of 1 on", "add one")
        return self

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(smallest gang, billions of parameters), gangs ascending."""
        return sorted(self.billions.items())


Week = tuple[Fraction, ...]  # factor of each hour of the week, Monday 00:00 first; their mean is 1


class Rhythm(Part):
    """When it comes: factors of the hours of the day and of the days of the week."""

    hour_factors: Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24)]
    weekday_factors: Annotated[tuple[Weight, ...], Field(min_length=7, max_length=7)]  # Monday first

    @property
    def week(self) -> Week:
        """Factor of each hour of the week, Monday 00:00 first; their mean is 1."""
        factors = [Fraction(day) * Fraction(hour) for day in self.weekday_factors for hour in self.hour_factors]
        mean = sum(factors, Fraction(0)) / len(factors)
        return tuple(factor / mean for factor in factors)


class Workload(Rhythm):
    """How much work there is, and when it comes."""

    load: Annotated[Ratio, Field(gt=0)]  # offered on day 0, over what committed sites can do then
    reference: Reference | None = None  # what the load is relative to; without: the committed sites on day 0
    growth: tuple[Growth, ...] = ()
    requests: Requests
    models: Models | None = None  # without: no job has any data

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A scenario that names no reference is written, and named by its digest, as if there were no such key."""
        content = serialize(self)
        if self.reference is None:
            content.pop("reference", None)
        return content

    @model_validator(mode="after")
    def _grows_in_order(self) -> "Workload":
        days = [step.at_day for step in self.growth]
        if days != sorted(set(days)):
            raise InputError("growth", "days", ", ".join(map(str, days)), "not ascending", "order them, one of each")
        return self

    @property
    def largest_growth(self) -> Fraction:
        """The largest factor it ever has."""
        return max([Fraction(1), *(Fraction(step.factor) for step in self.growth)])
