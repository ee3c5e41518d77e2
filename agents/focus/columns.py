"""The columns of FOCUS 1.2, and what a charge puts into each (docs/focus.md).

Values are text, as they stand in a CSV file, or None for null; `COLUMNS` gives the type of each column. The
specification: FinOps Open Cost and Usage Specification, version 1.2, FinOps Foundation, May 2025.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from ...envs.contracts import Provider
from ...envs.scenario import Scenario
from .charge import Charge, Kind
from .terms import TERMS, Terms, described

BEGINNING = datetime(2026, 6, 29, tzinfo=UTC)  # time 0: a Monday, 00:00; no scenario has a date of its own
MONEY, DECIMAL, TIME, TEXT = "money", "decimal", "time", "text"  # dollars to six places, to eighteen; UTC; string

COLUMNS = {
    "BilledCost": MONEY,
    "BillingAccountId": TEXT,
    "BillingAccountName": TEXT,
    "BillingAccountType": TEXT,
    "BillingCurrency": TEXT,
    "BillingPeriodEnd": TIME,
    "BillingPeriodStart": TIME,
    "CapacityReservationId": TEXT,
    "CapacityReservationStatus": TEXT,
    "ChargeCategory": TEXT,
    "ChargeClass": TEXT,
    "ChargeDescription": TEXT,
    "ChargeFrequency": TEXT,
    "ChargePeriodEnd": TIME,
    "ChargePeriodStart": TIME,
    "CommitmentDiscountCategory": TEXT,
    "CommitmentDiscountId": TEXT,
    "CommitmentDiscountName": TEXT,
    "CommitmentDiscountQuantity": MONEY,
    "CommitmentDiscountStatus": TEXT,
    "CommitmentDiscountType": TEXT,
    "CommitmentDiscountUnit": TEXT,
    "ConsumedQuantity": DECIMAL,
    "ConsumedUnit": TEXT,
    "ContractedCost": DECIMAL,
    "ContractedUnitPrice": DECIMAL,
    "EffectiveCost": MONEY,
    "InvoiceId": TEXT,
    "InvoiceIssuerName": TEXT,
    "ListCost": DECIMAL,
    "ListUnitPrice": DECIMAL,
    "PricingCategory": TEXT,
    "PricingQuantity": DECIMAL,
    "PricingUnit": TEXT,
    "ProviderName": TEXT,
    "PublisherName": TEXT,
    "RegionId": TEXT,
    "RegionName": TEXT,
    "ResourceId": TEXT,
    "ResourceName": TEXT,
    "ResourceType": TEXT,
    "ServiceCategory": TEXT,
    "ServiceName": TEXT,
    "ServiceSubcategory": TEXT,
    "SkuId": TEXT,
    "SkuMeter": TEXT,
    "SkuPriceDetails": TEXT,
    "SkuPriceId": TEXT,
    "Tags": TEXT,
}

Row = dict[str, str | None]  # by column


def rows_of(scenario: Scenario, charges: Iterable[Charge]) -> Iterator[Row]:
    """Every charge as a row, its columns in the order of COLUMNS."""
    for charge in charges:
        provider, terms = scenario.providers[charge.provider], TERMS[charge.kind]
        cells: Row = dict.fromkeys(COLUMNS)
        cells |= _costs(charge) | _times(charge) | _account(scenario, provider, charge)
        cells |= _pricing(scenario, charge, terms) | _commitment(scenario, provider, charge, terms)
        cells |= _service(scenario, charge, terms) | _resource(scenario, provider, charge)
        yield cells


def instant(time: int) -> str:
    """A time of the world [ms] in ISO 8601, UTC; milliseconds only where there are some."""
    at = BEGINNING + timedelta(milliseconds=time)
    fraction = f".{time % 1000:03d}" if time % 1000 else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def fixed(value: int, places: int) -> str:
    """`value` / 10^places as a decimal: at least six places, no zeros at the end beyond them."""
    digits = f"{value:0{places + 1}d}"
    whole, fraction = digits[:-places], digits[-places:]
    return f"{whole}.{fraction[:6]}{fraction[6:].rstrip('0')}"


def _costs(charge: Charge) -> Row:
    """Billed and effective cost are the ledger's; list and contracted cost are unit price × quantity, exactly."""
    product = fixed(charge.unit_price * charge.priced, 18)
    return {
        "BilledCost": fixed(charge.billed, 6),
        "EffectiveCost": fixed(charge.effective, 6),
        "ListCost": product,
        "ContractedCost": product,
    }


def _times(charge: Charge) -> Row:
    return {
        "BillingPeriodStart": instant(charge.period.begin),
        "BillingPeriodEnd": instant(charge.period.end),
        "ChargePeriodStart": instant(charge.begin),
        "ChargePeriodEnd": instant(charge.end),
    }


def _account(scenario: Scenario, provider: Provider, charge: Charge) -> Row:
    """Who bills whom: one account at every provider."""
    account = f"{scenario.name}/{provider.name}"
    return {
        "BillingAccountId": account,
        "BillingAccountName": f"{scenario.title}: {provider.name}",
        "BillingAccountType": "Contract",
        "BillingCurrency": "USD",
        "InvoiceId": None if charge.period.is_open else f"{account}/{instant(charge.period.begin)[:10]}",
        "InvoiceIssuerName": provider.name,
        "ProviderName": provider.name,
        "PublisherName": provider.name,
    }


def _pricing(scenario: Scenario, charge: Charge, terms: Terms) -> Row:
    price, pricing = fixed(charge.unit_price, 9), terms.pricing
    if charge.kind is Kind.METERED:
        site = scenario.sites[charge.site]
        pricing = "Standard" if site.spot is None and site.price_series is None else "Dynamic"
    return {
        "ChargeCategory": terms.category,
        "ChargeDescription": described(scenario, charge, instant(charge.period.last)),
        "ChargeFrequency": terms.frequency,
        "PricingCategory": pricing,
        "PricingQuantity": fixed(charge.priced, 9),
        "PricingUnit": terms.unit,
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "ConsumedQuantity": None if charge.consumed is None else fixed(charge.consumed, 9),
        "ConsumedUnit": None if charge.consumed is None else terms.unit,
    }


def _commitment(scenario: Scenario, provider: Provider, charge: Charge, terms: Terms) -> Row:
    """The commitment that a charge is part of, and the capacity that is reserved under it."""
    cells: Row = {}
    if terms.reservation is not None:
        cells["CapacityReservationId"] = f"{scenario.name}/{provider.name}/capacity"
        cells["CapacityReservationStatus"] = terms.reservation
    if charge.committed is not None:
        cells |= {
            "CommitmentDiscountCategory": "Spend",
            "CommitmentDiscountId": _commitment_id(scenario, provider),
            "CommitmentDiscountName": f"Commitment to {provider.name}",
            "CommitmentDiscountQuantity": fixed(charge.committed, 6),
            "CommitmentDiscountStatus": terms.status,
            "CommitmentDiscountType": _type(provider),
            "CommitmentDiscountUnit": "USD",
        }
    return cells


def _commitment_id(scenario: Scenario, provider: Provider) -> str:
    return f"{scenario.name}/{provider.name}/commitment"


def _type(provider: Provider) -> str:
    if provider.contract == "lease":
        return "Lease"
    return "Take-or-pay amount" if provider.floor_share is None else "Take-or-pay share"


def _service(scenario: Scenario, charge: Charge, terms: Terms) -> Row:
    """What was sold. A SKU is a site's accelerators, a provider's egress, or its commitment."""
    provider = scenario.providers[charge.provider].name
    item = terms.item if charge.site < 0 else scenario.sites[charge.site].name
    accelerator = None if charge.site < 0 else {"Accelerator": scenario.sites[charge.site].accelerator}
    return {
        "ServiceCategory": terms.service_category,
        "ServiceName": terms.service,
        "ServiceSubcategory": terms.service_subcategory,
        "SkuId": f"{provider}/{item}",
        "SkuMeter": terms.meter,
        "SkuPriceDetails": None if accelerator is None else json.dumps(accelerator),
        "SkuPriceId": f"{provider}/{item}/{terms.price}",
    }


def _resource(scenario: Scenario, provider: Provider, charge: Charge) -> Row:
    """The machines that were used, or the commitment that was bought; and the class of the jobs as a tag."""
    cells: Row = {}
    if charge.site >= 0:
        site = scenario.sites[charge.site].name
        cells |= {"ResourceId": f"{scenario.name}/{provider.name}/{site}", "ResourceName": site}
        cells["ResourceType"] = "Accelerators"
    elif charge.cls < 0:
        cells |= {"ResourceId": _commitment_id(scenario, provider), "ResourceName": f"Commitment to {provider.name}"}
        cells["ResourceType"] = "Commitment"
    if charge.cls >= 0:
        cells["Tags"] = json.dumps({"job_class": scenario.terms[charge.cls].name})
    return cells
