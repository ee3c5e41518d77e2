"""What FOCUS says of each kind of charge, whatever the scenario; and what a charge is for, in words."""

from typing import NamedTuple

from ...envs.contracts import Provider
from ...envs.scenario import Scenario
from .charge import Charge, Kind


class Terms(NamedTuple):
    """Values of columns, None for null; unless said otherwise those of accelerators that are used."""

    category: str = "Usage"  # ChargeCategory
    frequency: str = "Usage-Based"
    pricing: str = "Standard"  # PricingCategory
    unit: str = "Accelerator-Hours"  # PricingUnit; ConsumedUnit too, where something is consumed
    status: str | None = None  # CommitmentDiscountStatus
    reservation: str | None = None  # CapacityReservationStatus
    service_category: str = "Compute"
    service_subcategory: str = "Other (Compute)"
    service: str = "Accelerators"
    meter: str = "Accelerator Usage"
    item: str = ""  # the SKU, where it is no site's
    price: str = "metered"  # last part of the SkuPriceId


COMMITMENT = Terms(unit="USD", meter="Commitment", item="commitment", price="fee")
COVERED = Terms(pricing="Committed", status="Used", reservation="Used", price="committed")

TERMS = {
    Kind.FEE: COMMITMENT._replace(category="Purchase", frequency="Recurring"),
    Kind.SHORTFALL: COMMITMENT._replace(category="Purchase", frequency="One-Time"),
    Kind.UNUSED: COMMITMENT._replace(pricing="Committed", status="Unused", reservation="Unused"),
    Kind.COVERED: COVERED,
    Kind.CARRIED: COVERED,
    Kind.OVERAGE: Terms(reservation="Used", price="overage"),
    Kind.METERED: Terms(),
    Kind.EGRESS: Terms(
        unit="GB",
        service_category="Networking",
        service_subcategory="Data Transfer",
        service="Data Transfer",
        meter="Data Transfer",
        item="egress",
    ),
}


def described(scenario: Scenario, charge: Charge, last: str) -> str:
    """The purpose of a charge in one sentence; `last` is the end of what has accrued, where it is not settled."""
    provider = scenario.providers[charge.provider]
    use = ""
    if charge.site >= 0:
        site = scenario.sites[charge.site]
        use = f"{site.accelerator} accelerators at {site.name}, used by {_class(scenario, charge)}"
    sentence = {
        Kind.FEE: f"{_commitment(provider)}{', the used part, billed in arrears' if provider.in_arrears else ''}",
        Kind.SHORTFALL: f"{_commitment(provider)}, the unused part, invoiced as a shortfall",
        Kind.UNUSED: f"{_commitment(provider)}, unused",
        Kind.COVERED: f"{use}, covered by the commitment",
        Kind.CARRIED: f"{use}, covered by what was carried over from the billing period before",
        Kind.OVERAGE: f"{use}, beyond the commitment",
        Kind.METERED: f"{use}, metered",
        Kind.EGRESS: f"Data that left {provider.name} for runs of {_class(scenario, charge)}",
    }[charge.kind]
    return f"{sentence}; accrued to {last}, the billing period is open" if charge.period.is_open else sentence


def _class(scenario: Scenario, charge: Charge) -> str:
    return scenario.terms[charge.cls].name


def _commitment(provider: Provider) -> str:
    """The commitment in words."""
    if provider.contract == "lease":
        return f"Lease of the machines of {provider.name}, flat fee of a billing period"
    if provider.floor_share is not None:
        return (
            f"Commitment to {provider.name}, {provider.floor_share:.1%} of the capacity delivered in a billing period"
        )
    return f"Commitment to {provider.name}, {provider.floor_dollars_per_period} dollars in a billing period"
