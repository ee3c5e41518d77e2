"""The supply side of a scenario: rules, episodes, providers and sites, as one writes them in its file.

What follows from the fields is a property. Each part gives its own rows of the compiled scenario (fastsim/spec.py).
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.spec import BURST, COMMITTED, EASY, FCFS, NO, ProviderTable, SiteTable
from .quantities import Dollars, Name, Part, Ratio, Share, Text, Time, Whole, whole

Accelerators = Annotated[Whole, Field(ge=1, le=1 << 24)]
Capacity = Annotated[Whole, Field(ge=0, le=1 << 24)]


class Rules(Part):
    """Rules of the world, as far as a scenario may set them (rules.md, sections 4 to 6)."""

    offer_interval_minutes: Annotated[Time, Field(gt=0)]
    reoffer_gap_seconds: Time = Decimal(60)
    pass_size: Annotated[Whole, Field(ge=0, le=1 << 20)] = 32
    max_hold_hours: Time = Decimal(24)
    dispatch: Literal["easy", "fcfs"] = "easy"
    billing_period_days: Annotated[Time, Field(gt=0)]

    @property
    def times(self) -> dict[str, int]:
        """Durations, in ms, by their names in `SpecTable`."""
        return {
            "offer_interval": whole(self.offer_interval_minutes, "minutes"),
            "reoffer_gap": whole(self.reoffer_gap_seconds, "seconds"),
            "max_hold": whole(self.max_hold_hours, "hours"),
            "period": whole(self.billing_period_days, "days"),
        }

    @property
    def dispatch_code(self) -> int:
        """EASY or FCFS."""
        return EASY if self.dispatch == "easy" else FCFS


class Episodes(Part):
    """How much of the scenario one episode shows."""

    horizon_days: Annotated[Whole, Field(ge=1)] = 28  # a training episode
    evaluation_days: Annotated[Whole, Field(ge=1)] = 7  # arrivals that are scored
    warm_up_days: Annotated[Whole, Field(ge=0)] = 7  # before either, so that the clusters are not empty
    span_days: Annotated[Whole, Field(ge=1, le=5 * 366)]  # no episode goes beyond this day

    @property
    def longest_days(self) -> int:
        """Days of arrivals in the longest episode."""
        return self.warm_up_days + max(self.horizon_days, self.evaluation_days)

    @model_validator(mode="after")
    def _fits(self) -> "Episodes":
        if self.longest_days > self.span_days:
            reason = f"an episode has {self.longest_days} days of arrivals"
            raise InputError("span_days", "days", self.span_days, reason, "raise it")
        return self


class Provider(Part):
    """A contract: take-or-pay (committed) or metered (burst)."""

    name: Name
    kind: Literal["committed", "burst"]
    tags: tuple[Name, ...] = ()
    floor_share: Share | None = None  # of delivered capacity × price, paid whether used or not
    floor_dollars_per_period: Dollars | None = None
    overage_ratio: Ratio = Decimal(1)
    budget_dollars_per_period: Dollars | None = None

    @property
    def is_committed(self) -> bool:
        """Take-or-pay."""
        return self.kind == "committed"

    @model_validator(mode="after")
    def _has_one_contract(self) -> "Provider":
        floors = (self.floor_share is not None) + (self.floor_dollars_per_period is not None)
        if self.is_committed and floors != 1:
            remedy = "give floor_share or floor_dollars_per_period"
            raise InputError("floor_share", "floors", floors, "a committed provider has exactly one", remedy)
        if not self.is_committed and floors:
            raise InputError(
                "kind", "contract", "burst with a floor", "only committed ones have it", "remove the floor"
            )
        if self.is_committed and self.budget_dollars_per_period is not None:
            raise InputError("budget_dollars_per_period", "budget", "set", "only a burst provider has one", "remove it")
        return self

    def table(self, tag_bits: dict[str, int]) -> ProviderTable:
        """The contract, compiled."""

        def money(amount: Decimal | None) -> int:
            return NO if amount is None else whole(amount, "dollars")

        return ProviderTable(
            kind=COMMITTED if self.is_committed else BURST,
            tags=sum(1 << tag_bits[tag] for tag in set(self.tags)),
            floor_money=money(self.floor_dollars_per_period),
            floor_share=NO if self.floor_share is None else whole(self.floor_share, "permille"),
            overage_ratio=whole(self.overage_ratio, "permille"),
            budget=money(self.budget_dollars_per_period),
        )


class CapacityStep(Part):
    """The capacity becomes this. Without `notice_days` everyone knows from the beginning; with 0 it is a surprise."""

    at_day: Annotated[Time, Field(gt=0)]
    capacity: Capacity
    notice_days: Time | None = None

    @property
    def at(self) -> int:
        """When [ms]."""
        return whole(self.at_day, "days")

    @property
    def announced(self) -> int:
        """From when it is known [ms]; 0: from the beginning."""
        return 0 if self.notice_days is None else max(0, self.at - whole(self.notice_days, "days"))


class PriceStep(Part):
    """The price becomes this."""

    at_day: Annotated[Time, Field(gt=0)]
    price_per_hour: Dollars

    @property
    def at(self) -> int:
        """When [ms]."""
        return whole(self.at_day, "days")


class Site(Part):
    """One accelerator type at one provider."""

    name: Name
    provider: Name
    accelerator: Text
    capacity: Capacity
    price_per_hour: Dollars  # per accelerator
    granule: Accelerators = 1
    cube: Capacity = 0
    cube_from: Capacity = 0
    speed: Ratio = Decimal(1)
    class_speed: dict[Name, Ratio] = Field(default_factory=dict)  # where it differs; 0: the class cannot run here
    capacity_steps: tuple[CapacityStep, ...] = ()
    price_steps: tuple[PriceStep, ...] = ()

    @model_validator(mode="after")
    def _steps_are_apart(self) -> "Site":
        for key, steps in (("capacity_steps", self.capacity_steps), ("price_steps", self.price_steps)):
            days = [step.at_day for step in steps]
            twice = sorted({day for day in days if days.count(day) > 1})
            if twice:
                raise InputError(key, "day", twice[0], "two steps fall on it", "keep one")
        return self

    @model_validator(mode="after")
    def _has_whole_cubes(self) -> "Site":
        if self.cube == 0 and self.cube_from > 0:
            raise InputError("cube_from", "gang", self.cube_from, "the site has no cube", "give a cube or remove it")
        return self

    def speed_of(self, cls: str) -> int:
        """Speed of a class [permille]."""
        return whole(self.class_speed.get(cls, self.speed), "permille")

    def table(self, provider: int, classes: list[str]) -> SiteTable:
        """The site, compiled; `provider` is its provider's number."""
        return SiteTable(
            provider=provider,
            capacity=self.capacity,
            price=whole(self.price_per_hour, "dollars"),
            speed=tuple(self.speed_of(cls) for cls in classes),
            granule=self.granule,
            cube=self.cube,
            cube_from=self.cube_from,
            capacity_steps=tuple((step.at, step.capacity, step.announced) for step in self.capacity_steps),
            price_steps=tuple((step.at, whole(step.price_per_hour, "dollars")) for step in self.price_steps),
        )
