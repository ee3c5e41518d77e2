"""What a site's capacity does over time, as one writes it in a scenario's file: ramps, maintenance, recalls, spot.

Each part gives the cause (schedule.py) that it is; what is random in it is drawn by the caller (variants.py). Shares
are of the site's nominal capacity. Instants are rounded down to whole seconds.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.units import DAY, HOUR, SECOND
from .quantiles import P95, PRECISION, exponential_table, lognormal_table, normal_quantile
from .quantities import Part, Share, Time, Whole, whole
from .schedule import Cause, always, delivered, window

MONTH = 730 * HOUR + HOUR // 2  # a twelfth of 365.25 days
P90 = Fraction(9, 10)
LONGEST_SLIP = 10  # × the 90th percentile
Accelerators = Annotated[Whole, Field(ge=1, le=1 << 24)]
Capacity = Annotated[Whole, Field(ge=0, le=1 << 24)]
Day = Annotated[Time, Field(gt=0)]


def instant(amount: Decimal, unit: str) -> int:
    """An instant or a duration [ms], in whole seconds."""
    return whole(amount, unit) // SECOND * SECOND


class CapacityStep(Part):
    """The capacity becomes this. Without `notice_days` everyone knows from the beginning; with 0 it is a surprise."""

    at_day: Day
    capacity: Capacity
    notice_days: Time | None = None

    @property
    def at(self) -> int:
        """When [ms]."""
        return instant(self.at_day, "days")

    @property
    def announced(self) -> int:
        """From when it is known [ms]; 0: from the beginning."""
        return 0 if self.notice_days is None else max(0, self.at - whole(self.notice_days, "days"))


class Tranche(Part):
    """Machines that a contract promises for a day, beside those that are there."""

    at_day: Day
    accelerators: Accelerators

    def cause(self, slip: int, notice: int) -> Cause:
        """What it adds if it comes `slip` ms late, which is told `notice` ms before its day, new day included."""
        return delivered(self.accelerators, instant(self.at_day, "days"), slip, notice)


class Slips(Part):
    """How late tranches come: log-normal, in whole days, told `notice_days` before the contractual day."""

    median_days: Day
    p90_days: Day
    notice_days: Time

    @model_validator(mode="after")
    def _is_ordered(self) -> "Slips":
        if not self.median_days < self.p90_days:
            raise InputError("p90_days", "slip", self.p90_days, f"not above the median, {self.median_days}", "raise it")
        if self.p90_days > 300:
            raise InputError("p90_days", "slip", self.p90_days, "above 300 days", "lower it")
        return self

    @property
    def table(self) -> np.ndarray:
        """Its quantiles, (2048,) int64 [ms]."""
        with localcontext(PRECISION):
            power = normal_quantile(P95) / normal_quantile(P90)
            p95 = self.median_days * (self.p90_days / self.median_days) ** power
        median, longest = whole(self.median_days, "days"), LONGEST_SLIP * whole(self.p90_days, "days")
        return lognormal_table(median, int(p95 * DAY), 1, longest)


class Maintenance(Part):
    """For some hours the site has no more than `capacity`, or is short of `share`."""

    at_day: Day
    hours: Annotated[Time, Field(gt=0)]
    capacity: Capacity | None = None
    share: Share | None = None
    notice_days: Time

    @model_validator(mode="after")
    def _says_how_much(self) -> "Maintenance":
        given = (self.capacity is not None) + (self.share is not None)
        if given != 1:
            raise InputError("capacity", "measures", given, "exactly one is needed", "give capacity or share")
        return self

    def cause(self, nominal: int, granule: int) -> Cause:
        """What it leaves of a site."""
        left = self.capacity if self.capacity is not None else left_over(nominal, granule, self.share or Decimal(0))
        begin = instant(self.at_day, "days")
        end = begin + max(SECOND, instant(self.hours, "hours"))
        return window(nominal, min(nominal, left), begin, end, begin - whole(self.notice_days, "days"))


class Recall(Part):
    """The provider takes machines back for good: at a stated day, or with a chance per month that it gives notice.

    A chance per month begins at `from_day`: no notice before.
    """

    at_day: Day | None = None
    per_month: Annotated[Share, Field(gt=0)] | None = None
    from_day: Time = Decimal(0)
    notice_days: Time
    share: Annotated[Share, Field(gt=0)] = Decimal(1)

    @model_validator(mode="after")
    def _says_when(self) -> "Recall":
        given = (self.at_day is not None) + (self.per_month is not None)
        if given != 1:
            raise InputError("at_day", "times", given, "exactly one is needed", "give at_day or per_month")
        if self.at_day is not None and self.from_day > 0:
            raise InputError("from_day", "day", self.from_day, "the recall is at a stated day", "remove it")
        return self

    @property
    def notice(self) -> int:
        """How long before it the recall is known [ms]."""
        return whole(self.notice_days, "days")

    def cause(self, nominal: int, granule: int, given: int | None) -> Cause:
        """What it leaves of a site; `given` is when notice is given [ms], where that is drawn; None: never."""
        left = left_over(nominal, granule, self.share)
        if self.at_day is not None:
            at = instant(self.at_day, "days")
            return window(nominal, left, at, None, at - self.notice)
        if given is None:
            return always(nominal)
        at = (given + self.notice + SECOND - 1) // SECOND * SECOND
        return window(nominal, left, max(at, SECOND), None, given)


class Spot(Part):
    """Capacity that comes and goes, all of it at once: up-runs and down-runs, both exponential; it begins up."""

    mean_up_hours: Annotated[Time, Field(gt=0, le=1000)]
    mean_down_hours: Annotated[Time, Field(gt=0, le=1000)]
    notice_seconds: Annotated[Time, Field(le=86_400)]

    @property
    def up(self) -> np.ndarray:
        """Quantiles of up-runs, (2048,) int64 [ms]."""
        return exponential_table(whole(self.mean_up_hours, "hours"))

    @property
    def down(self) -> np.ndarray:
        """Quantiles of down-runs, (2048,) int64 [ms]."""
        return exponential_table(whole(self.mean_down_hours, "hours"))

    @property
    def notice(self) -> int:
        """How long before it a down-run is known [ms]."""
        return whole(self.notice_seconds, "seconds")


def left_over(nominal: int, granule: int, share: Decimal) -> int:
    """Accelerators, in whole granules, when a share of the nominal capacity is gone."""
    return int(nominal * (1 - Fraction(share)) / granule) * granule
