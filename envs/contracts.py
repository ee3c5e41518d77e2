"""Rules, episodes and providers of a scenario, as one writes them in its file: contracts, power, links.

What follows from the fields is a property.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.spec import BURST, COMMITTED, EASY, FCFS, NO, ProviderTable
from ..fastsim.units import MINUTE, NEVER
from .capacity import Day, Recall, instant
from .quantities import Dollars, Gigabits, Name, Part, Ratio, Share, Time, Weight, Whole, whole

LINK = Decimal(100)  # Gb/s between providers of which none names the other
MOST_RECALLS = 256  # of one provider: a draw's name has room for no more


class Rules(Part):
    """Rules of the world, as far as a scenario may set them (rules.md, sections 4 to 7)."""

    offer_interval_minutes: Annotated[Time, Field(gt=0)]
    reoffer_gap_seconds: Time = Decimal(60)
    pass_size: Annotated[Whole, Field(ge=0, le=1 << 20)] = 32
    max_hold_hours: Annotated[Time, Field(gt=0)] = Decimal(24)
    dispatch: Literal["easy", "fcfs"] = "easy"
    backfill_depth: Annotated[Whole, Field(ge=1, le=1 << 20)] = (
        500  # jobs behind a blocked one that EASY looks at, as Slurm does
    )
    preemption_hours: Time = Decimal(0)  # what a preemptible job has run before it can be preempted; 0: none is
    kill_overruns: bool = False
    billing_period_days: Annotated[Time, Field(gt=0)]

    @property
    def times(self) -> dict[str, int]:
        """Durations, in ms, by their names in `SpecTable`."""
        return {
            "offer_interval": whole(self.offer_interval_minutes, "minutes"),
            "reoffer_gap": whole(self.reoffer_gap_seconds, "seconds"),
            "max_hold": whole(self.max_hold_hours, "hours"),
            "preempt_after": whole(self.preemption_hours, "hours"),
            "period": whole(self.billing_period_days, "days"),
        }

    @property
    def dispatch_code(self) -> int:
        """EASY or FCFS."""
        return EASY if self.dispatch == "easy" else FCFS


class Episodes(Part):
    """How much of the scenario one episode shows."""

    horizon_days: Annotated[Whole, Field(ge=1)] = 28  # a training episode
    evaluation_days: Annotated[Whole, Field(ge=1)] = 7  # arrivals that are scored together: a window
    evaluation_windows: Annotated[Whole, Field(ge=1, le=64)] = 1  # that follow one another in one play
    warm_up_days: Annotated[Whole, Field(ge=0)] = 7  # before either, so that the clusters are not empty
    span_days: Annotated[Whole, Field(ge=1, le=5 * 366)]  # no episode goes beyond this day

    @property
    def longest_days(self) -> int:
        """Days of arrivals in the longest episode."""
        return self.warm_up_days + max(self.horizon_days, self.evaluation_windows * self.evaluation_days)

    @model_validator(mode="after")
    def _fits(self) -> "Episodes":
        if self.longest_days > self.span_days:
            reason = f"an episode has {self.longest_days} days of arrivals"
            raise InputError("span_days", "days", self.span_days, reason, "raise it")
        return self


class PowerCut(Part):
    """For some hours the provider has no more than this power."""

    at_day: Day
    hours: Annotated[Time, Field(gt=0)]
    megawatts: Weight | Literal[0]
    notice_hours: Time

    @property
    def begin(self) -> int:
        """When [ms]."""
        return instant(self.at_day, "days")

    @property
    def end(self) -> int:
        """Until when [ms]."""
        return self.begin + max(1000, instant(self.hours, "hours"))

    @property
    def announced(self) -> int:
        """From when it is known [ms]."""
        return self.begin - whole(self.notice_hours, "hours")


# What only one kind of contract has; the others leave it out.
TERMS = {
    "take_or_pay": ("floor_share", "floor_dollars_per_period", "overage_ratio", "carry_forward", "in_arrears"),
    "lease": ("fee_dollars_per_period",),
    "metered": ("budget_dollars_per_period",),
}


class Provider(Part):
    """A provider: its contract, its power, and how data reach it.

    `kind` is what routers are told. The contract is take-or-pay (a floor that is paid whether used or not), metered, or
    a lease (a flat fee, nothing beyond it). Where it is not said, committed means take-or-pay, burst metered. When it
    ends, its machines are gone.
    """

    name: Name
    kind: Literal["committed", "burst"]
    contract: Literal["take_or_pay", "metered", "lease"]
    tags: tuple[Name, ...] = ()
    floor_share: Share | None = None  # of delivered capacity × price
    floor_dollars_per_period: Dollars | None = None
    overage_ratio: Ratio | None = None  # of the price, beyond the floor; 1 if left out
    carry_forward: Ratio | None = None  # of the floor: the most that unused parts of it add to the next period's
    in_arrears: bool | None = None  # what is unused is invoiced as a shortfall
    fee_dollars_per_period: Dollars | None = None
    budget_dollars_per_period: Dollars | None = None
    ends_at_day: Day | None = None
    recalls: Annotated[tuple[Recall, ...], Field(max_length=MOST_RECALLS)] = ()  # from all its sites at once
    power_cap_megawatts: Weight | None = None  # shared by its sites in proportion to their nominal power
    power_cuts: tuple[PowerCut, ...] = ()
    links: dict[Name, Gigabits] = Field(default_factory=dict)  # Gb/s to another provider, and back
    egress_dollars_per_gb: Dollars = Decimal(0)

    @model_validator(mode="before")
    @classmethod
    def _has_the_usual_contract(cls, given: Any) -> Any:
        """Committed: take-or-pay; burst: metered."""
        usual = {"committed": "take_or_pay", "burst": "metered"}
        if isinstance(given, dict) and isinstance(given.get("kind"), str) and given["kind"] in usual:
            return {"contract": usual[given["kind"]]} | given
        return given

    @model_validator(mode="after")
    def _has_the_terms_of_its_contract(self) -> "Provider":
        for contract, terms in TERMS.items():
            for term in terms:
                if contract != self.contract and getattr(self, term) is not None:
                    reason = f"only a {contract} contract has it, and this is {self.contract}"
                    raise InputError(term, "contract", self.contract, reason, "remove it")
        floors = (self.floor_share is not None) + (self.floor_dollars_per_period is not None)
        if self.contract == "take_or_pay" and floors != 1:
            remedy = "give floor_share or floor_dollars_per_period"
            raise InputError("floor_share", "floors", floors, "a take-or-pay contract has exactly one", remedy)
        if self.contract == "lease" and self.fee_dollars_per_period is None:
            raise InputError("fee_dollars_per_period", "fee", "absent", "a lease has one", "add it")
        return self

    @property
    def is_committed(self) -> bool:
        """Routers are told that it is committed."""
        return self.kind == "committed"

    @property
    def is_take_or_pay(self) -> bool:
        """It has a floor, or a flat fee."""
        return self.contract != "metered"

    @property
    def is_random(self) -> bool:
        """Its recalls are drawn."""
        return any(recall.per_month is not None for recall in self.recalls)

    @property
    def ends(self) -> int:
        """When the contract ends [ms], in whole minutes; NEVER without an end."""
        return NEVER if self.ends_at_day is None else whole(self.ends_at_day, "days") // MINUTE * MINUTE

    def table(self, tag_bits: dict[str, int], links: tuple[int, ...]) -> ProviderTable:
        """The contract, compiled; `links` are the Mb/s to each provider."""

        def money(amount: Decimal | None) -> int:
            return NO if amount is None else whole(amount, "dollars")

        is_lease = self.contract == "lease"
        overage = Decimal(1) if self.overage_ratio is None else self.overage_ratio
        return ProviderTable(
            kind=COMMITTED if self.is_committed else BURST,
            tags=sum(1 << tag_bits[tag] for tag in set(self.tags)),
            floor_money=money(self.fee_dollars_per_period if is_lease else self.floor_dollars_per_period),
            floor_share=NO if self.floor_share is None else whole(self.floor_share, "permille"),
            overage_ratio=0 if is_lease else whole(overage, "permille"),
            budget=money(self.budget_dollars_per_period),
            carry=whole(self.carry_forward or Decimal(0), "permille"),
            ends=self.ends,
            in_arrears=bool(self.in_arrears),
            egress_rate=whole(self.egress_dollars_per_gb, "dollars"),
            links=links,
        )


def links_between(providers: tuple[Provider, ...]) -> list[tuple[int, ...]]:
    """Mb/s from each provider to each; a direction that is not named is as fast as the other one."""

    def speed(source: Provider, target: Provider) -> int:
        given = source.links.get(target.name, target.links.get(source.name, LINK))
        return whole(given, "gigabits")

    return [tuple(speed(source, target) for target in providers) for source in providers]
