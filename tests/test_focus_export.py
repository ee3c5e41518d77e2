"""The FOCUS export: it adds up to the ledger, to the micro-dollar, and its columns are those of the specification."""

import copy
import json
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents.focus.bill import charges
from tidegate.agents.focus.charge import Kind
from tidegate.agents.focus.columns import COLUMNS, DECIMAL, MONEY, TIME, fixed, instant
from tidegate.agents.focus.write import exported
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.generator import generate
from tidegate.envs.scenario import Scenario
from tidegate.fastsim.units import DAY, MINUTE
from tidegate.fastsim.worlds import Totals, Worlds

from .bills import Table, in_dollars, owed, pandas, table, total
from .toy_scenario import TOY

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "focus.md"
DAYS = 5
# FOCUS 1.2, section 3: mandatory columns, those of ours that may be null, and allowed values that occur here.
MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory"),
}
NULLABLE = {
    *("CapacityReservationId", "CapacityReservationStatus", "ChargeClass", "CommitmentDiscountCategory"),
    *("CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus"),
    *("CommitmentDiscountType", "CommitmentDiscountUnit", "ConsumedQuantity", "ConsumedUnit", "InvoiceId", "RegionId"),
    *("RegionName", "ResourceId", "ResourceName", "ResourceType", "SkuPriceDetails", "Tags"),
}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase"},
    "ChargeFrequency": {"Usage-Based", "Recurring", "One-Time"},
    "PricingCategory": {"Standard", "Dynamic", "Committed"},
    "CommitmentDiscountStatus": {"Used", "Unused"},
    "CapacityReservationStatus": {"Used", "Unused"},
    "CommitmentDiscountCategory": {"Spend"},
    "ServiceCategory": {"Compute", "Networking"},
    "ServiceSubcategory": {"Other (Compute)", "Data Transfer"},
}


def contract(first: dict[str, Any], second: dict[str, Any] | None = None, **sites: dict[str, Any]) -> Scenario:
    """The toy scenario, less busy, in periods of two days, with these contracts, and with data that move."""
    content: dict[str, Any] = copy.deepcopy(TOY)
    content["rules"]["billing_period_days"] = 2
    content["providers"][0] = {"name": "owned", "kind": "committed", "tags": ["tpu"], **first}
    content["providers"][1] = {"name": "rented", "kind": "burst", "tags": ["gpu", "eu"], **(second or {})}
    for changed in content["sites"]:
        changed.pop("price_steps", None)
        changed |= sites.get(changed["name"], {})
    content["workload"]["models"] = {
        "billions": {1: 1, 64: 70},
        "weights_bytes": 2,
        "state_bytes": 14,
        "homes": {"owned": 1, "rented": 1},
    }
    for cls in content["classes"]:
        cls["dataset_gb"] = {10: 0.5, 333: 0.5}
    return Scenario.model_validate(content)


CONTRACTS = {
    "share": contract({"floor_share": 0.95, "egress_dollars_per_gb": 0.09}, {"egress_dollars_per_gb": 0.123457}),
    "low share": contract({"floor_share": 0.1, "overage_ratio": 1.337}),
    "money": contract({"floor_dollars_per_period": 12_345.678901}),
    "arrears": contract({"floor_dollars_per_period": 250_000, "in_arrears": True}),
    "carry": contract({"floor_dollars_per_period": 13_000, "carry_forward": 0.5, "overage_ratio": 1.5}),
    "lease": contract({"contract": "lease", "fee_dollars_per_period": 9_999.999999}),
    "ends": contract({"floor_dollars_per_period": 60_000, "ends_at_day": 3}),
    "budget": contract({"floor_share": 0}, {"budget_dollars_per_period": 2_000}),
    "price steps": contract(
        {"floor_share": 0.5},
        cloud={"price_steps": [{"at_day": 1.3, "price_per_hour": 7.654321}, {"at_day": 4, "price_per_hour": 0}]},
        old={"price_series": [2, 1.5, 3.25], "billing_increment_minutes": 60},
    ),
}


@cache
def episode(name: str) -> Worlds:
    """Five days under one of the contracts."""
    scenario = CONTRACTS[name]
    worlds = Worlds(scenario.compile(), generate(scenario, 1, 1, DAYS, 0.5), 1, log=True)
    worlds.begin(0)
    worlds.play(RULES["cost-greedy"](), DAYS * DAY)
    return worlds


@pytest.fixture(scope="module", params=CONTRACTS)
def export(request: pytest.FixtureRequest) -> tuple[Scenario, Worlds, Table]:
    """A scenario, its episode, and the export."""
    scenario, worlds = CONTRACTS[request.param], episode(request.param)
    return scenario, worlds, table(exported(scenario, worlds, ".csv"))


def check_identities(rows: Table, totals: Totals) -> None:
    """What the sums of an export are, in the decimals that are written."""
    assert total(rows, "BilledCost") == total(rows, "EffectiveCost") == in_dollars(owed(totals))
    purchases = rows[rows.ChargeCategory == "Purchase"]
    assert {Decimal(cost) for cost in purchases.EffectiveCost} <= {Decimal(0)}
    assert total(purchases, "BilledCost") == in_dollars(totals.floors)
    covered = rows[rows.CommitmentDiscountStatus.notna()]
    assert {Decimal(cost) for cost in covered.BilledCost} <= {Decimal(0)}
    for commitment, related in rows.groupby("CommitmentDiscountId"):
        bought, used = (related[related.ChargeCategory == category] for category in ("Purchase", "Usage"))
        assert set(used.CommitmentDiscountStatus) <= {"Used", "Unused"}, commitment
        assert total(used, "EffectiveCost") == total(bought, "BilledCost"), commitment
        for _, period in related.groupby("BillingPeriodStart"):
            bought, used = (period[period.ChargeCategory == category] for category in ("Purchase", "Usage"))
            assert total(used, "EffectiveCost") == total(bought, "BilledCost"), commitment
    metered = rows[(rows.ServiceCategory == "Compute") & rows.CapacityReservationId.isna()]
    assert total(metered[metered.ChargeCategory == "Usage"], "BilledCost") == in_dollars(totals.burst)
    overage = rows[(rows.CapacityReservationStatus == "Used") & rows.CommitmentDiscountId.isna()]
    assert total(overage, "BilledCost") == in_dollars(totals.overage)
    assert total(rows[rows.ServiceCategory == "Networking"], "BilledCost") == in_dollars(totals.egress)


def test_an_export_adds_up_to_the_ledger_in_both_views(export):
    _, worlds, rows = export
    check_identities(rows, worlds.totals())


def test_these_contracts_have_every_kind_of_charge():
    assert {charge.kind for name in CONTRACTS for charge in charges(episode(name))} == set(Kind)


def test_list_and_contracted_cost_are_unit_price_times_quantity(export):
    _, _, rows = export
    for _, row in rows.iterrows():
        for kind in ("List", "Contracted"):
            assert Decimal(row[f"{kind}UnitPrice"]) * Decimal(row.PricingQuantity) == Decimal(row[f"{kind}Cost"])
        if row.PricingCategory == "Standard" and row.ChargeCategory == "Usage" and row.ServiceCategory == "Compute":
            assert abs(Decimal(row.BilledCost) - Decimal(row.ListCost)) < Decimal("0.00001")


def test_values_are_those_that_the_specification_allows(export):
    _, _, rows = export
    assert tuple(rows.columns) == tuple(COLUMNS)
    assert set(COLUMNS) >= MANDATORY
    assert {name for name in COLUMNS if rows[name].isna().any()} <= NULLABLE
    for column, values in ALLOWED.items():
        assert set(rows[column].dropna()) <= values, column
    for name, kind in COLUMNS.items():
        pattern = {MONEY: r"\d+\.\d{6}", DECIMAL: r"\d+\.\d{6,18}", TIME: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"}
        if kind in pattern:
            assert rows[name].dropna().str.fullmatch(pattern[kind]).all(), name
    assert (rows.ChargePeriodStart < rows.ChargePeriodEnd).all()
    assert (rows.BillingPeriodStart <= rows.ChargePeriodStart).all()
    assert (rows.ChargePeriodEnd <= rows.BillingPeriodEnd).all()


def test_nulls_are_where_the_specification_wants_them(export):
    _, _, rows = export
    commitment = rows.CommitmentDiscountId.notna()
    for column in ("Category", "Name", "Quantity", "Type", "Unit"):
        assert (rows[f"CommitmentDiscount{column}"].notna() == commitment).all(), column
    is_usage = rows.ChargeCategory == "Usage"
    assert (rows.CommitmentDiscountStatus.notna() == (commitment & is_usage)).all()
    assert (rows.CapacityReservationStatus.notna() == rows.CapacityReservationId.notna()).all()
    is_consumed = is_usage & (rows.CommitmentDiscountStatus != "Unused")
    assert (rows.ConsumedQuantity.notna() == is_consumed).all()
    assert (rows.ConsumedUnit.notna() == is_consumed).all()
    assert (rows.ChargeFrequency[~is_usage] != "Usage-Based").all()
    assert ((rows.PricingCategory == "Committed") == (commitment & is_usage)).all()
    assert rows.ChargeClass.isna().all()  # nothing is corrected


def test_only_the_open_period_is_not_invoiced(export):
    _, _, rows = export
    is_open = rows.BillingPeriodEnd > instant(DAYS * DAY)
    assert is_open.any()
    assert (rows.InvoiceId.isna() == is_open).all()
    accrued = f"; accrued to {instant(DAYS * DAY)}, the billing period is open"
    assert (rows.ChargeDescription.str.endswith(accrued) == is_open).all()


def test_use_is_by_site_class_and_day(export):
    scenario, _, rows = export
    use = rows[rows.ResourceType == "Accelerators"]
    assert {json.loads(tag)["job_class"] for tag in use.Tags} <= {cls.name for cls in scenario.terms}
    assert set(use.ResourceName) <= {site.name for site in scenario.sites}
    assert not use.duplicated(["ResourceId", "Tags", "ChargePeriodStart", "SkuPriceId", "ChargeDescription"]).any()
    length = pandas.to_datetime(use.ChargePeriodEnd) - pandas.to_datetime(use.ChargePeriodStart)
    assert (length <= pandas.Timedelta(days=1)).all()


def test_a_row_of_each_unit_of_time_and_money_reads_well():
    assert instant(0) == "2026-06-29T00:00:00Z"
    assert instant(DAY + 1) == "2026-06-30T00:00:00.001Z"
    assert instant(-MINUTE) == "2026-06-28T23:59:00Z"
    assert [fixed(0, 6), fixed(1_500_000, 6), fixed(2_500_000_000, 9), fixed(1, 18)] == [
        *("0.000000", "1.500000", "2.500000"),
        "0.000000000000000001",
    ]


def test_the_page_has_every_column_in_its_place():
    section = PAGE.read_text(encoding="utf-8").split("\n## Columns\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| .+ \|$", section, re.MULTILINE) == list(COLUMNS)
