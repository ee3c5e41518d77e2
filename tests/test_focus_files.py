"""`tidegate simulate --focus` writes the bill of the episode that it shows, alike in CSV and in Parquet."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.agents import cli
from tidegate.agents.focus.columns import COLUMNS, DECIMAL, MONEY, TIME

from .bills import table, total

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


def test_the_csv_is_what_a_plain_reader_expects(small_team):
    with (small_team / "focus.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == tuple(COLUMNS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
