"""The FOCUS export: it adds up to the ledger, to the micro-dollar, and its columns are those of the specification."""

import copy
import csv
import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents import cli
from tidegate.agents.focus.apportion import apportioned, taken_in_order
from tidegate.agents.focus.bill import charges
from tidegate.agents.focus.charge import Charge, Kind
from tidegate.agents.focus.columns import COLUMNS, DECIMAL, MONEY, TIME, fixed, instant
from tidegate.agents.focus.write import exported
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.generator import generate
from tidegate.envs.scenario import Scenario
from tidegate.fastsim.units import DAY, HOUR, MINUTE
from tidegate.fastsim.worlds import Totals, Worlds

from .kernel_worlds import begun, keyed_agent
from .reference.random_worlds import horizon, random_world
from .reference.toys import UNIT, burst, committed, job, site, world
from .toy_scenario import TOY

pandas = pytest.importorskip("pandas", reason="reads the export")

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "focus.md"
DAYS = 5
USE = {Kind.COVERED, Kind.CARRIED, Kind.OVERAGE, Kind.METERED}
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

Table = Any  # a pandas.DataFrame of text, None for null


def table(content: bytes) -> Table:
    """A CSV file as text, nothing read into it."""
    read = pandas.read_csv(BytesIO(content), dtype=str, keep_default_na=False)
    return read.astype(object).where(read != "", None)


def total(rows: Table, column: str) -> Decimal:
    """The sum of a column of dollars, exactly."""
    return sum((Decimal(cell) for cell in rows[column]), Decimal(0))


def in_dollars(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-6)


def owed(totals: Totals) -> int:
    """What a bill holds: all but what is imputed, µ$."""
    return totals.floors + totals.overage + totals.burst + totals.egress


# -- Apportionment


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (10, [5, 3, 2], [5, 3, 2]),
        (1, [1, 2, 2], [0, 1, 0]),
        (0, [0, 0], [0, 0]),
        (7, [0, 9], [0, 7]),
        (10**18, [10**18, 2 * 10**18], [333333333333333333, 666666666666666667]),
    ],
)
def test_the_largest_remainders_are_rounded_up(amount, weights, parts):
    assert apportioned(amount, weights) == parts


def test_nothing_cannot_bear_something():
    with pytest.raises(ValueError, match="weights are 0"):
        apportioned(1, [0, 0])


def test_groups_are_emptied_in_their_order():
    assert taken_in_order(7, [[2, 1], [4, 4], [5]]) == [[2, 1], [2, 2], [0]]


# -- Charges: worlds worked by hand, where an accelerator-ms costs 1 µ$


def played(small: Any, until: int) -> list[Charge]:
    worlds = begun(small)
    worlds.play(RULES["first-fit"](), until)
    return charges(worlds)


def brief(found: list[Charge], *, is_open: bool = False) -> list[tuple[Any, ...]]:
    """Kind, begin, end, billed and effective of each charge of the billing periods that are settled, or open."""
    return [
        (charge.kind.name, charge.begin, charge.end, charge.billed, charge.effective)
        for charge in found
        if charge.period.is_open == is_open
    ]


def test_a_commitment_is_drawn_down_in_the_order_of_time():
    """A floor of 1.5 days of one accelerator in a period of three, overage at 1,500 permille; it is used throughout."""
    terms = {"floor_money": 3 * DAY // 2, "overage": 1500}
    small = world([job(0, 1, 4 * DAY)], [site(1)], providers=[committed(**terms)], period=3 * DAY)
    assert brief(played(small, 3 * DAY + 1)) == [
        ("FEE", 0, 3 * DAY, 3 * DAY // 2, 0),
        ("COVERED", 0, DAY, 0, DAY),
        ("COVERED", DAY, 2 * DAY, 0, DAY // 2),
        ("OVERAGE", DAY, 2 * DAY, 3 * DAY // 4, 3 * DAY // 4),
        ("OVERAGE", 2 * DAY, 3 * DAY, 3 * DAY // 2, 3 * DAY // 2),
    ]


def test_what_is_carried_over_pays_before_overage_does():
    """A floor of a day, carried whole: nothing is used on day 0, so 1 is carried; on day 1 three accelerators run."""
    small = world([job(DAY, 3, DAY)], [site(3)], providers=[committed(floor_money=DAY, carry=1000)])
    assert brief(played(small, 2 * DAY + 1)) == [
        ("FEE", 0, DAY, DAY, 0),
        ("UNUSED", 0, DAY, 0, DAY),
        ("FEE", DAY, 2 * DAY, DAY, 0),
        ("COVERED", DAY, 2 * DAY, 0, DAY),
        ("CARRIED", DAY, 2 * DAY, 0, 0),
        ("OVERAGE", DAY, 2 * DAY, DAY, DAY),
    ]


def test_a_flat_lease_is_borne_by_all_its_use_alike():
    """A fee of a day's use for three days: two accelerators run on the first, one on the second."""
    jobs = [job(0, 2, DAY), job(DAY, 1, DAY)]
    small = world(jobs, [site(2)], providers=[committed(floor_money=DAY, overage=0)], period=3 * DAY)
    assert brief(played(small, 3 * DAY + 1)) == [
        ("FEE", 0, 3 * DAY, DAY, 0),
        ("COVERED", 0, DAY, 0, 2 * DAY // 3),
        ("COVERED", DAY, 2 * DAY, 0, DAY // 3),
    ]


def test_in_arrears_the_unused_part_is_a_purchase_of_its_own():
    small = world([job(0, 1, HOUR)], [site(1)], providers=[committed(floor_money=DAY, in_arrears=True)])
    assert brief(played(small, DAY + 1)) == [
        ("FEE", 0, DAY, HOUR, 0),
        ("SHORTFALL", 0, DAY, DAY - HOUR, 0),
        ("COVERED", 0, DAY, 0, HOUR),
        ("UNUSED", 0, DAY, 0, DAY - HOUR),
    ]


def test_classes_of_one_day_share_what_covers_it():
    """A floor of half of what three accelerators use: each class is covered to a half, and the rest is overage."""
    jobs = [job(0, 1, DAY), job(0, 2, DAY, cls=1)]
    terms = {"providers": [committed(floor_money=3 * DAY // 2)], "delay_rates": [0, 0]}
    found = played(world(jobs, [site(3, speed=[1000, 1000])], **terms), DAY + 1)
    assert [(charge.kind.name, charge.cls, charge.effective) for charge in found if not charge.period.is_open] == [
        ("FEE", -1, 0),
        ("COVERED", 0, DAY // 2),
        ("COVERED", 1, DAY),
        ("OVERAGE", 0, DAY // 2),
        ("OVERAGE", 1, DAY),
    ]


def test_a_billing_increment_is_priced_and_not_consumed():
    """A minute is billed for a run of a second."""
    (charge,) = played(world([job(0, 1, 1000)], [site(1, increment=MINUTE)]), DAY)
    assert (charge.billed, charge.priced, charge.consumed) == (MINUTE, 16_666_667, 277_778)


def test_a_price_step_begins_a_new_charge_period():
    small = world([job(0, 1, DAY)], [site(1, price_steps=[(HOUR, 2 * UNIT)])])
    assert brief(played(small, DAY), is_open=True) == [
        ("METERED", 0, HOUR, HOUR, HOUR),
        ("METERED", HOUR, DAY, 2 * (DAY - HOUR), 2 * (DAY - HOUR)),
    ]


def test_the_open_period_is_accrued():
    """Half a day into a period of one: half the floor."""
    found = played(world([], [site(1)], providers=[committed(floor_money=DAY)]), DAY // 2)
    assert brief(found, is_open=True) == [
        ("FEE", 0, DAY // 2, DAY // 2, 0),
        ("UNUSED", 0, DAY // 2, 0, DAY // 2),
    ]
    assert {charge.period.end for charge in found} == {DAY}


def test_a_commitment_that_ends_is_charged_until_then():
    """It ends an hour into the second day."""
    small = world([], [site(1)], providers=[committed(floor_money=DAY, ends=DAY + HOUR)])
    fees = [line for line in brief(played(small, 3 * DAY + 1)) if line[0] == "FEE"]
    assert fees == [("FEE", 0, DAY, DAY, 0), ("FEE", DAY, DAY + HOUR, HOUR, 0)]


def test_data_that_leave_are_charged_to_their_source():
    """5 GB lie at provider 1, whose rate is 2 µ$ per GB; the run begins at 7."""
    owners = [burst(links=[0, 8000]), burst(egress_rate=2, links=[8000, 0])]
    small = world([job(7, 1, 10, input=5000, home=1)], [site(1), site(1, provider=1)], providers=owners)
    (charge,) = (charge for charge in played(small, DAY) if charge.kind is Kind.EGRESS)
    assert (charge.provider, charge.begin, charge.end, charge.billed) == (1, 0, DAY, 10)
    assert (charge.priced, charge.consumed, charge.unit_price) == (5 * 10**9, 5 * 10**9, 2000)


@pytest.mark.parametrize("seed", [*range(10), 52, 114])  # in the last two somebody is preempted as a meter begins anew
def test_in_a_random_world_every_account_of_the_ledger_is_distributed_without_loss(seed):
    """With every rule switched on; the worlds of the differential test, empty at time 0."""
    drawn = random_world(seed)
    nothing = [0] * len(drawn.sites)
    worlds = begun(replace(drawn, used_before=nothing, delivered_before=nothing))
    worlds.play(keyed_agent(seed), horizon(drawn))
    found, state, totals = charges(worlds), worlds.state(), worlds.totals()
    assert sum(charge.billed for charge in found) == sum(charge.effective for charge in found) == owed(totals)
    settled: Counter[tuple[Kind, int]] = Counter()
    for charge in found:
        if not charge.period.is_open:
            settled[charge.kind, charge.provider] += max(charge.billed, charge.effective)
    columns = {Kind.FEE: "fee", Kind.SHORTFALL: "shortfall", Kind.OVERAGE: "overage"}
    for kind, column in (columns | {Kind.COVERED: "used", Kind.UNUSED: "unused"}).items():
        posted = [int(amount) for amount in state[column][: len(drawn.providers)]]
        assert [settled[kind, provider] for provider in range(len(drawn.providers))] == posted
    used = sum(charge.consumed or 0 for charge in found if charge.kind in USE)
    busy = sum(int(state.metered[s]) * int(state.now) + int(state.busy_offset[s]) for s in range(len(drawn.sites)))
    assert used == pytest.approx(busy * 10**9 / HOUR, abs=len(found))


# -- Files: scenarios with each kind of contract


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


# -- The command line and the page


SIMULATE = ["simulate", "small_team", "--policy", "cost-greedy", "--days", "9"]


@pytest.fixture(scope="module")
def small_team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the export of the same episode in both formats, and the summary."""
    folder = tmp_path_factory.mktemp("focus")
    assert cli.main([*SIMULATE, "--focus", str(folder / "focus.csv")]) == 0
    assert cli.main([*SIMULATE, "--focus", str(folder / "focus.parquet")]) == 0
    return folder


def test_the_bill_of_small_team_adds_up(small_team, capsys):
    assert cli.main([*SIMULATE, "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    rows = table((small_team / "focus.csv").read_bytes())
    imputed = sum(Decimal(str(cost[part])) for part in ("delay", "penalty", "write_off") if part in cost)
    assert total(rows, "BilledCost") == total(rows, "EffectiveCost")
    assert float(total(rows, "BilledCost") + imputed) == pytest.approx(cost["bill"], abs=1e-6)
    use = rows[(rows.ResourceName == "spot") & (rows.ChargeCategory == "Usage")]
    assert set(use.PricingCategory) <= {"Dynamic"}


def test_parquet_says_the_same_as_csv(small_team):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the train extra")
    columns = parquet.read_table(small_team / "focus.parquet").to_pydict()
    rows = table((small_team / "focus.csv").read_bytes())
    assert tuple(columns) == tuple(COLUMNS)
    for name, kind in COLUMNS.items():
        written = list(rows[name])
        if kind in (MONEY, DECIMAL):
            written = [None if cell is None else Decimal(cell) for cell in written]
        elif kind == TIME:
            columns[name] = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in columns[name]]
        assert columns[name] == written, name


@pytest.mark.parametrize("name", ["focus.txt", "focus", "none/focus.csv"])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(tmp_path, capsys, name):
    with pytest.raises(SystemExit) as end:
        cli.main([*SIMULATE, "--focus", str(tmp_path / name)])
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("error: --focus: file, ")
    assert list(tmp_path.iterdir()) == []


def test_the_page_has_every_column_in_its_place():
    section = PAGE.read_text(encoding="utf-8").split("\n## Columns\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| .+ \|$", section, re.MULTILINE) == list(COLUMNS)


def test_the_csv_is_what_a_plain_reader_expects(small_team):
    with (small_team / "focus.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == tuple(COLUMNS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
