"""The demand side of a scenario: job classes and the workload, as one writes them in its file.

What follows from the fields is a property.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.keyed import LARGEST
from ..fastsim.units import SECOND
from .quantiles import lognormal_table, table_mean
from .quantities import Dollars, Name, Part, Ratio, Share, Time, Weight, Whole, mean_of, whole

SHORTEST = SECOND  # ms; no job is shorter
ANY = "any"  # portability: no tag required
Weights = Annotated[dict[Annotated[int, Field(ge=1, le=1 << 20)], Weight], Field(min_length=1, max_length=32)]


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
        median, p95 = whole(self.median_hours, "hours"), whole(self.p95_hours, "hours")
        return lognormal_table(median, p95, SHORTEST, self.longest)


class EarlyEnds(Part):
    """Jobs that end long before their planned walltime: crashes, bugs, a look at the loss.

    They stop at a time that is uniform within the first part of it, `within`.
    """

    share: Share
    within: Annotated[Share, Field(gt=0)]


class JobClass(Part):
    """One kind of job."""

    name: Name
    priority: Annotated[Whole, Field(ge=0, le=7)]
    delay_cost_per_hour: Dollars  # per accelerator, while it waits
    share: Weight  # of the offered accelerator-hours at speed 1, relative to the other classes
    gangs: Weights  # size → weight, by submission
    walltime: Walltime
    batches: Weights = Field(default_factory=lambda: {1: Decimal(1)})  # jobs submitted together → weight
    spacing_seconds: Annotated[Time, Field(le=3600)] = Decimal(0)  # mean time between them; 0: the same instant
    early_ends: EarlyEnds | None = None
    rhythm: Share = Decimal(1)  # 1: follows the hours of the week; 0: not at all
    portability: Annotated[dict[Name, Weight], Field(min_length=1)] = Field(
        default_factory=lambda: {ANY: Decimal(1)}
    )  # required tag, or "any" → weight

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
        planned = table_mean(self.walltime.table)
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


class Workload(Part):
    """How much work there is, and when it comes."""

    load: Annotated[Ratio, Field(gt=0)]  # offered on day 0, over what committed sites can do then
    growth: tuple[Growth, ...] = ()
    hour_factors: Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24)]
    weekday_factors: Annotated[tuple[Weight, ...], Field(min_length=7, max_length=7)]  # Monday first
    requests: Requests

    @model_validator(mode="after")
    def _grows_in_order(self) -> "Workload":
        days = [step.at_day for step in self.growth]
        if days != sorted(set(days)):
            raise InputError("growth", "days", ", ".join(map(str, days)), "not ascending", "order them, one of each")
        return self

    @property
    def week(self) -> tuple[Fraction, ...]:
        """Factor of each hour of the week, Monday 00:00 first; their mean is 1."""
        factors = [Fraction(day) * Fraction(hour) for day in self.weekday_factors for hour in self.hour_factors]
        mean = sum(factors, Fraction(0)) / len(factors)
        return tuple(factor / mean for factor in factors)

    @property
    def largest_growth(self) -> Fraction:
        """The largest factor it ever has."""
        return max([Fraction(1), *(Fraction(step.factor) for step in self.growth)])
