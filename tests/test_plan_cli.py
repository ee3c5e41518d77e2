"""`tidegate plan`: what it refuses and how, what it prints and writes, and that the documented commands run."""

import csv
import importlib
import json
import re
import shlex
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation import episodes
from tidegate.agents.focus.columns import COLUMNS
from tidegate.agents.plan.levels import levels_of
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.jit import IS_COMPILED

from .toy_plan import lab

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plans take minutes as plain Python")
DOCUMENT = Path(__file__).parents[1] / "docs" / "plan.md"
SHEET = 1_048_576  # rows


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder of one's own, with the lab's scenario in it; journals go there."""
    monkeypatch.chdir(tmp_path)
    Path("lab.json").write_text(lab().model_dump_json(), encoding="utf-8")
    return tmp_path


def refusal(capsys, *argv: object) -> str:
    """What stderr says about a wrong input: one line, and nothing on stdout."""
    with pytest.raises(SystemExit) as end:
        cli.main(["plan", *map(str, argv)])
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("error: ") and told.err.count("\n") == 1
    return told.err


def answer(capsys, *argv: object) -> dict:
    assert cli.main(["plan", *map(str, argv), "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def trace(days: float, path: Path = Path("jobs.csv")) -> Path:
    """A job every ten minutes."""
    rows = [f"{number},{600 * number},2,1800,3600" for number in range(int(days * 144))]
    path.write_text("\n".join(["job_id,submit_s,gpus,runtime_s,requested_s", *rows]))
    return path


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--commit", "-0.5:1:3"], "--commit: level, -0.5, is below zero, give 0"),
        (["--commit", "2:1:3"], "--commit: last level, 1, is not above the first, 2, exchange them"),
        (["--burst", "sometimes"], "--burst: word, sometimes, is neither on nor off, write on, off, or on,off"),
        (["--policy", "greedy"], "policy: name, greedy, there is none of this name, use "),
        (["--policy", "first-fit", "--policy", "first-fit"], "is given twice"),
        (["--journal", "plan.txt"], "--journal: file, plan.txt, has an unknown ending, use .jsonl"),
        (["--report", "plan.pdf"], "--report: file, plan.pdf, has an unknown ending"),
        (["--focus", "plan.xls"], "--focus: file, plan.xls, has an unknown ending"),
        (["--focus", "bill.csv", "--point", "half"], "--point: point, half, is not LEVEL,on or LEVEL,off"),
        (["--focus", "bill.csv", "--point=-1,on"], "is below zero"),
        (["--point", "1,on"], "--point: point, 1,on, is that of a bill, and none is written, give --focus"),
        (["--load", "3"], "load, 3.0, outside (0, 1.1], where overflow is excluded"),
        (["--days", "0:7"], "--days: days, 0:7, are those of a trace, and none is given"),
    ],
)
def test_a_wrong_option_is_refused_with_what_value_reason_and_remedy(here, capsys, options, told):
    assert told in refusal(capsys, "lab.json", *options)
    assert not Path("runs").exists() or not any(Path("runs").rglob("*.jsonl")) or "load" in told


def test_a_trace_that_is_shorter_than_a_billing_period_is_refused(here, capsys):
    told = refusal(capsys, "lab.json", "--trace", trace(5))
    assert "--trace: days of jobs.csv, 5.0, is shorter than the billing period of 7 days" in told
    assert "take a longer recording" in told


def test_a_trace_is_played_as_a_whole_anyway(here, capsys):
    assert "leave one of the two out" in refusal(capsys, "lab.json", "--trace", trace(8), "--whole")


def test_a_price_series_with_a_gap_is_refused(here, capsys):
    Path("prices.csv").write_text("at_hour,price\n0,4\n1,4.5\n3,5\n")
    content = json.loads(lab().model_dump_json())
    content["sites"][1] |= {"price_series": "prices.csv"}
    del content["sites"][1]["price_per_hour"]
    Path("series.json").write_text(json.dumps(content))
    told = refusal(capsys, "series.json")
    assert "prices.csv, line 4: at_hour, 3, hour 2 comes here, write every hour once, in order" in told


def test_a_scenario_that_commits_to_nothing_is_refused(here, capsys):
    content = json.loads(lab().model_dump_json())
    content["providers"][0] = {"name": "owned", "kind": "burst"}
    Path("free.json").write_text(json.dumps(content))
    assert "commits to nothing that a level could multiply" in refusal(capsys, "free.json")


def test_a_trace_is_planned_in_weeks(here, capsys):
    found = answer(capsys, "lab.json", "--trace", trace(9), "--commit", "0.5,1", "--plays", 1, "--policy", "first-fit")
    assert found["trace"] == "jobs.csv" and len(found["points"]) == 4
    assert {point["jobs"] for point in found["points"]} == {found["points"][0]["jobs"]}
    assert {point["wait_p95_hours"]["low"] for point in found["points"]} == {None}  # weeks of a trace are no plays


def test_one_plan_gives_table_page_and_bill_and_again_json_from_the_journal(here, capsys):
    options = ["lab.json", "--commit", "0.6:1:3", "--plays", 2, "--journal", "kept.jsonl"]
    files = ["--report", "page.html", "--focus", "bill.csv", "--point", "0.8,off,first-fit"]
    assert cli.main(["plan", *map(str, options), *files]) == 0
    told = capsys.readouterr().out
    assert "lab under cost-greedy" in told and "Marginal value of commitment" in told
    assert b"Tidegate plan" in Path("page.html").read_bytes()
    size = Path("kept.jsonl").stat().st_size
    found = answer(capsys, *options)
    assert Path("kept.jsonl").stat().st_size == size
    assert found["chosen"]["policy"] in ("cost-greedy", "first-fit")
    assert len(found["points"]) == 2 * 2 * 3
    for point in found["points"]:
        value = point["total_bill"]["value"]
        assert value == pytest.approx(point["avoidable_cost"]["value"] + point["parts"]["floors"])
        assert isinstance(point["burst"], bool)


def test_the_bill_of_a_point_adds_up_and_loads_in_a_spreadsheet(here, capsys):
    options = ["lab.json", "--commit", "1", "--plays", 1, "--policy", "first-fit", "--focus", "bill.csv"]
    assert cli.main(["plan", *map(str, options), "--point", "0.5,on", "--focus-days", "9"]) == 0
    rows = list(csv.DictReader(Path("bill.csv").read_text(encoding="utf-8").splitlines()))
    assert set(rows[0]) == set(COLUMNS) and len(rows) < SHEET
    assert all(
        len(row) == len(COLUMNS) and None not in row for row in rows
    )  # no row is longer or shorter than the head
    billed, effective = (sum(Decimal(row[name]) for row in rows) for name in ("BilledCost", "EffectiveCost"))
    assert billed == effective > 0
    fees = [Decimal(row["BilledCost"]) for row in rows if row["ChargeCategory"] == "Purchase"]
    assert sum(fees) == 32 * 2 * 24 * 9  # half of 64 accelerators, whatever is used
    assert "commitment × 0.5, with burst, first-fit" in rows[0]["BillingAccountName"]


def half_a_year(name: str) -> Scenario:
    """A scenario of five years, cut off."""
    scenario = load(name)
    return scenario.model_copy(update={"episodes": scenario.episodes.model_copy(update={"span_days": 182})})


def test_what_is_documented_runs_in_a_small_version(here, capsys, monkeypatch):
    """Every command of docs/plan.md, with fewer levels and plays; what it writes is there."""
    monkeypatch.setattr(episodes, "VARIANTS", 2)
    found = re.findall(r"^ {4}(tidegate plan .+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) >= 4
    for command in found:
        words = shlex.split(command)[1:]
        scenario = words[1]
        small = {"--commit": "1", "--burst": "on", "--plays": "1", "--policy": "first-fit"}
        if "--whole" in words:  # of half a year, in place of five
            words[1] = "half_a_year.json"
            Path(words[1]).write_text(half_a_year(f"{scenario}_planning").model_dump_json(), encoding="utf-8")
        for option in ("--commit", "--burst", "--plays", "--policy"):
            while option in words:
                place = words.index(option)
                if option == "--commit":
                    assert levels_of(words[place + 1])
                del words[place : place + 2]
        words += [part for pair in small.items() for part in pair] + ["--journal", "small.jsonl"]
        if "--trace" in words:
            trace(40, Path(words[words.index("--trace") + 1]))
        assert cli.main(words) == 0, command
        told = capsys.readouterr().out
        assert "first-fit" in told or '"points"' in told, scenario
        for option in ("--report", "--focus"):
            if option in words:
                assert Path(words[words.index(option) + 1]).stat().st_size > 1000


def test_a_worked_example_is_written_between_its_markers_by_one_command(here, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCUMENT.parent))
    plans = importlib.import_module("plans")
    begins = [f"<!-- {name}: begin -->" for name in plans.COMMANDS]
    assert all(DOCUMENT.read_text(encoding="utf-8").count(begin) == 1 for begin in begins)
    document = here / "plan.md"
    document.write_text(f"before\n{begins[0]}\nold\n<!-- small_team: end -->\nafter\n", encoding="utf-8")
    command = "tidegate plan lab.json --commit 0.8,1 --plays 1 --policy first-fit --policy cost-greedy"
    monkeypatch.setattr(plans, "COMMANDS", {"small_team": command})
    monkeypatch.setattr(plans, "DOCUMENT", document)
    monkeypatch.setattr(sys, "argv", ["plans.py", "small_team"])
    plans.main()
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    for said in (f"    {command}", "**chosen**", "| × 0.8, off |", "bill under ", "| load × 1.2 |"):
        assert said in text, said
    for suffix in (".html", ".json", ".csv"):
        assert (here / f"runs/plan/small_team{suffix}").stat().st_size > 1000
    written = json.loads((here / "runs/plan/small_team.json").read_text(encoding="utf-8"))
    assert all(f"- {sentence}" in text for sentence in written["summary"])
