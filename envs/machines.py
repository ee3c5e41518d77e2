"""Sites of a scenario, as one writes them in its file: machines, their prices, and how they start and fail."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.units import DAY, SECOND
from .capacity import Accelerators, Capacity, CapacityStep, Maintenance, Recall, Slips, Spot, Tranche
from .prices import PriceStep, Series, hourly_steps
from .quantiles import exponential_table, lognormal_table
from .quantities import Dollars, Name, Part, Ratio, Share, Text, Time, Weight, whole

LONGEST_GAP = 1 << 32  # ms, on average: what a quantile table holds
MOST_CHANGES = 256  # of one kind at a site: a draw's name has room for no more


class Failures(Part):
    """Failures of nodes, at a constant rate."""

    per_node_day: Annotated[Weight, Field(le=1)]
    node_size: Accelerators  # accelerators of one node

    def gap(self, accelerators: int) -> int:
        """Mean time between failures of a site with so many accelerators [ms]. Raises InputError for a rare one."""
        mean = round(DAY * self.node_size / (accelerators * Fraction(self.per_node_day)))
        if mean > LONGEST_GAP:
            reason = f"less than one failure in {LONGEST_GAP // DAY} days at this site"
            raise InputError("failures", "rate", self.per_node_day, reason, "raise it or remove it")
        return max(1, mean)


class StartUp(Part):
    """How long a request waits for its machines: log-normal, cut at `max_minutes`; the usual time is the median."""

    median_minutes: Annotated[Time, Field(gt=0)]
    p95_minutes: Annotated[Time, Field(gt=0)]
    max_minutes: Annotated[Time, Field(gt=0)]

    @model_validator(mode="after")
    def _is_ordered(self) -> "StartUp":
        if not self.median_minutes < self.p95_minutes:
            reason = f"not above the median, {self.median_minutes}"
            raise InputError("p95_minutes", "start-up", self.p95_minutes, reason, "raise it")
        if not self.median_minutes <= self.max_minutes <= 525_600:
            reason = "below the median or above a year"
            raise InputError("max_minutes", "start-up", self.max_minutes, reason, "correct it")
        return self

    @property
    def usual(self) -> int:
        """The median [ms]."""
        return whole(self.median_minutes, "minutes")

    @property
    def table(self) -> np.ndarray:
        """Its quantiles, (2048,) int64 [ms]."""
        p95, longest = whole(self.p95_minutes, "minutes"), whole(self.max_minutes, "minutes")
        return lognormal_table(self.usual, p95, min(SECOND, self.usual), longest)


class Site(Part):
    """One accelerator type at one provider."""

    name: Name
    provider: Name
    accelerator: Text
    silicon: Name = "gpu"  # what programs are written for: to another kind they are ported
    kilowatts: Annotated[Ratio, Field(gt=0)] | None = None  # per accelerator, with all that the facility adds (PUE)
    speed: Ratio = Decimal(1)
    class_speed: dict[Name, Ratio] = Field(default_factory=dict)  # where it differs; 0: the class cannot run here
    granule: Accelerators = 1
    cube: Capacity = 0
    cube_from: Capacity = 0

    price_per_hour: Dollars  # per accelerator; the first of `price_series` where there is one
    price_steps: tuple[PriceStep, ...] = ()
    price_series: Series | None = None  # hour by hour from the beginning; the last one stays
    billing_increment_minutes: Time = Decimal(0)

    capacity: Capacity
    capacity_steps: tuple[CapacityStep, ...] = ()
    tranches: Annotated[tuple[Tranche, ...], Field(max_length=MOST_CHANGES)] = ()
    slips: Slips | None = None  # of the tranches; without, they come on their days
    maintenance: tuple[Maintenance, ...] = ()
    recalls: Annotated[tuple[Recall, ...], Field(max_length=MOST_CHANGES)] = ()
    spot: Spot | None = None

    failures: Failures | None = None
    start_up: StartUp | None = None
    denial_minutes: Time | None = None  # until a request is denied
    grants: Annotated[dict[Annotated[int, Field(ge=1, le=1 << 24)], Share], Field(max_length=4)] = Field(
        default_factory=dict
    )
    # ↑ accelerators → chance of a grant, linear between; none: always

    @model_validator(mode="before")
    @classmethod
    def _begins_with_its_series(cls, given: Any) -> Any:
        """Where prices come hour by hour, the first is `price_per_hour`."""
        if isinstance(given, dict) and isinstance(given.get("price_series"), list | tuple) and given["price_series"]:
            return {"price_per_hour": given["price_series"][0]} | given
        return given

    @model_validator(mode="after")
    def _has_one_price_at_a_time(self) -> "Site":
        if self.price_series is None:
            return self
        if self.price_steps:
            count = len(self.price_steps)
            raise InputError("price_steps", "steps", count, "the site has a price series", "remove one of them")
        if self.price_per_hour != self.price_series[0]:
            reason = f"the series begins with {self.price_series[0]}"
            raise InputError("price_per_hour", "price", self.price_per_hour, reason, "remove it")
        return self

    @model_validator(mode="after")
    def _steps_are_apart(self) -> "Site":
        for key, steps in (("capacity_steps", self.capacity_steps), ("price_steps", self.price_steps)):
            instants = [step.at for step in steps]
            for step in steps:
                if instants.count(step.at) > 1:
                    raise InputError(key, "day", step.at_day, "two steps fall on it", "keep one")
                if step.at == 0:
                    raise InputError(key, "day", step.at_day, "less than a second after the beginning", "raise it")
        return self

    @model_validator(mode="after")
    def _has_whole_cubes(self) -> "Site":
        if self.cube == 0 and self.cube_from > 0:
            raise InputError("cube_from", "gang", self.cube_from, "the site has no cube", "give a cube or remove it")
        return self

    @model_validator(mode="after")
    def _may_slip(self) -> "Site":
        if self.slips is not None and not self.tranches:
            raise InputError("slips", "tranches", 0, "there is nothing to slip", "add tranches or remove it")
        if self.nominal > 1 << 24:
            raise InputError("tranches", "accelerators", self.nominal, "more than 16777216", "lower them")
        return self

    @model_validator(mode="after")
    def _grants_what_it_starts(self) -> "Site":
        is_asked = bool(self.grants) or self.denial_minutes is not None
        if is_asked and self.start_up is None:
            key = "grants" if self.grants else "denial_minutes"
            remedy = "give start_up or remove it"
            raise InputError(key, "start-up", "absent", "only a site with one is asked for machines", remedy)
        chances = [self.grants[size] for size in sorted(self.grants)]
        if chances != sorted(chances, reverse=True):
            shown = ", ".join(map(str, chances))
            raise InputError("grants", "chances", shown, "they rise with the size", "order them the other way")
        return self

    @model_validator(mode="after")
    def _fails_often_enough(self) -> "Site":
        if self.failures is not None and self.nominal > 0:
            self.failures.gap(self.nominal)
        return self

    @property
    def nominal(self) -> int:
        """The most accelerators it can ever have."""
        steps = [step.capacity for step in self.capacity_steps]
        return max(self.capacity, *steps, 0) + sum(tranche.accelerators for tranche in self.tranches)

    @property
    def is_random(self) -> bool:
        """Its schedule is drawn."""
        chances = any(recall.per_month is not None for recall in self.recalls)
        return self.slips is not None or self.spot is not None or chances

    def speed_of(self, cls: str) -> int:
        """Speed of a class [permille]."""
        return whole(self.class_speed.get(cls, self.speed), "permille")

    @property
    def prices(self) -> tuple[tuple[int, int], ...]:
        """(at [ms], µ$) of each change of the price."""
        if self.price_series is not None:
            return hourly_steps(self.price_series)
        return tuple((step.at, whole(step.price_per_hour, "dollars")) for step in self.price_steps)

    def runs(self, largest: int) -> dict[str, Any]:
        """How runs begin and fail here, by their names in `SiteTable`; `largest` is the most that there ever is.

        Raises InputError where failures are too rare for a table.
        """
        fields: dict[str, Any] = {"increment": whole(self.billing_increment_minutes, "minutes")}
        if self.failures is not None and largest > 0:
            fields["mean_gap"] = self.failures.gap(largest)
            fields["failure"] = exponential_table(fields["mean_gap"])
        if self.start_up is not None:
            denial = Decimal(0) if self.denial_minutes is None else self.denial_minutes
            fields |= {
                "start_up": self.start_up.table,
                "usual_start_up": self.start_up.usual,
                "denial": max(1, whole(denial, "minutes")),
                "grants": tuple((size, whole(self.grants[size], "permille")) for size in sorted(self.grants)),
            }
        return fields
