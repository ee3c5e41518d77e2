"""The dashboard and the alerts ask for metrics that there are, for all of them, in a form that can be loaded."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tidegate.agents.router.admission import Limits
from tidegate.agents.router.evidence import FEWEST
from tidegate.agents.router.metrics import FAST

from .toy_router import service

ROOT = Path(__file__).resolve().parent.parent
RULES, UNIT_TESTS = ROOT / "docs" / "deploy" / "alerts.yml", ROOT / "tests" / "alerts.yml"
BOARD = json.loads((ROOT / "docs" / "deploy" / "grafana.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid
SCRAPED = {"instance", "job"}  # labels that Prometheus gives
RULE = re.compile(r"- alert: (?P<name>\w+)\n +expr: (?P<expr>.+?)\n +(?:for|labels):(?P<rest>.+?)(?=\n\n|\Z)", re.S)
LISTED = re.compile(r"\b(?:by|without|on|ignoring) \(([^)]*)\)")  # labels in PromQL
WORDS = {"and", "or", "unless", "bool", "by", "on"}  # of PromQL, beside its functions
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Prometheus")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Samples that a router without a state exposes: name, and the labels of each."""
    router = service(tmp_path_factory.mktemp("router") / "audit.db")
    router.close()
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(generate_latest(router.metrics.registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def rules() -> list[dict[str, str]]:
    """Name, expression on one line, and the rest, of every alert."""
    found = [match.groupdict() for match in RULE.finditer(RULES.read_text(encoding="utf-8"))]
    return [one | {"expr": " ".join(one["expr"].removeprefix(">-").split())} for one in found]


def targets() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Panel and query."""
    return [(panel, target) for panel in PANELS for target in panel["targets"]]


def expressions() -> list[tuple[str, str]]:
    """Where each PromQL expression stands, and the expression."""
    on_board = [(panel["title"], target["expr"]) for panel, target in targets()]
    return on_board + [(one["name"], one["expr"]) for one in rules()]


def selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Metrics of an expression, with what is asked of their labels."""
    found = re.findall(r"([a-zA-Z_:][\w:]*)(?![\w:]| *\()(?:\{([^}]*)\})?", without_lists(expression))
    labels = r'(\w+) *(?:=~?|!=|!~) *"([^"]*)"'
    return [(name, dict(re.findall(labels, asked))) for name, asked in found if name not in WORDS]


def without_lists(expression: str) -> str:
    """An expression without its lists of labels and its ranges."""
    return re.sub(r"\[[^]]*\]", "", LISTED.sub("", expression))


def grouped(expression: str) -> set[str]:
    """Labels that it groups or matches by."""
    return {label.strip() for one in LISTED.findall(expression) for label in one.split(",")}


def test_every_alert_is_read() -> None:
    assert len(rules()) == RULES.read_text(encoding="utf-8").count("- alert:") > 8
    assert len({one["name"] for one in rules()}) == len(rules())


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_what_is_asked_for_exists(where: str, expression: str, metrics: dict[str, list[dict[str, str]]]) -> None:
    """Names, labels and the values that labels are compared with."""
    known = metrics | {"up": [{}]}
    assert selectors(expression), f"{where} asks for no metric"
    carried = set(SCRAPED)
    for name, asked in selectors(expression):
        assert name in known, f"{where} asks for {name}"
        carried |= {label for labels in known[name] for label in labels}
        for label, value in asked.items():
            if label not in SCRAPED:
                values = {labels.get(label) for labels in known[name]}
                assert set(value.split("|")) <= values, f"{where} asks for {name} with {label} {value}"
    assert grouped(expression) <= carried, f"{where} groups by what is not there"


def test_every_metric_is_on_the_dashboard(metrics: dict[str, list[dict[str, str]]]) -> None:
    shown = {name for _, target in targets() for name, _ in selectors(target["expr"])}
    assert set(metrics) - shown == set()


def test_every_metric_is_explained_on_the_page(metrics: dict[str, list[dict[str, str]]]) -> None:
    page = (ROOT / "docs" / "deploy" / "router.md").read_text(encoding="utf-8")
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics}
    assert {name for name in families if f"`{name}" not in page} == set()


def test_a_legend_names_labels_that_its_query_leaves(metrics: dict[str, list[dict[str, str]]]) -> None:
    for panel, target in targets():
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        is_grouped = re.search(r"\b(sum|max|count)\b", target["expr"])
        samples = [labels for name, _ in selectors(target["expr"]) for labels in metrics.get(name, [])]
        left = grouped(target["expr"]) if is_grouped else {label for labels in samples for label in labels}
        assert named <= left, panel["title"]


def test_every_query_is_about_the_instance_that_is_chosen() -> None:
    for panel, target in targets():
        asked = [labels.get("instance") for _, labels in selectors(target["expr"])]
        assert set(asked) == {"$instance"}, panel["title"]


def test_every_panel_asks_the_data_source_that_is_chosen() -> None:
    variables = {one["name"]: one for one in BOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["instance"]["datasource"] == SOURCE
    for panel, target in targets():
        assert panel["datasource"] == target["datasource"] == SOURCE, panel["title"]
    assert json.dumps(BOARD).count('"uid": "$') == 1 + len(PANELS) + len(targets())


def test_a_panel_has_its_own_number_its_own_place_and_its_words() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [(panel["title"], panel["gridPos"]) for panel in BOARD["panels"]]
    for title, place in places:
        assert place["x"] >= 0 and place["y"] >= 0 and place["x"] + place["w"] <= WIDTH, title
    for (title, one), (other, two) in combinations(places, 2):
        is_beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        is_apart = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert is_beside or is_apart, f"{title} lies on {other}"
    for panel in PANELS:
        assert len(panel["description"]) > 80 and panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]


def steps(title: str) -> list[float | None]:
    """Where the colours of a panel change."""
    (panel,) = [one for one in PANELS if one["title"] == title]
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def test_the_lines_are_where_the_router_has_them() -> None:
    """A number that is drawn or alarmed at is the router's own; the histogram is exact at the lines of the latency."""
    limits = Limits()
    old, too_old = (float(x) for x in re.findall(r"age_seconds <= (\d+)", RULES.read_text(encoding="utf-8")))
    assert steps("State age") == [None, old, too_old]
    assert too_old == limits.stale_seconds
    (ready,) = [target["expr"] for panel, target in targets() if panel["title"] == "Ready?"]
    assert f"<= bool {limits.stale_seconds:g}" in ready
    assert steps("Comparisons that this rests on") == [None, FEWEST]
    assert steps("Decisions that wait for the log") == [None, limits.depth]
    assert set(steps("Latency")) - {None} <= set(FAST)


def test_an_alert_says_what_it_is_and_what_to_do() -> None:
    for one in rules():
        assert re.search(r"severity: (critical|warning)\n", one["rest"]), one["name"]
        summary, description = re.split(r"\n +description: >-\n", one["rest"].split("summary: ")[1])
        assert "{{ $labels.instance }}" in summary, one["name"]
        assert len(description.split()) > 15, one["name"]


def test_every_alert_is_tried() -> None:
    """Unit tests see it fire; whether it stays silent beside that is in them too."""
    tried = set(re.findall(r'alertname="(\w+)"', UNIT_TESTS.read_text(encoding="utf-8")))
    assert {one["name"] for one in rules()} == tried


def promtool(*words: str | Path) -> str:
    """What it says; it must be content."""
    found = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", RULES)


@needs_promtool
def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", UNIT_TESTS)


@needs_promtool
def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """As recording rules, with Grafana's variables filled in."""
    queries = [target["expr"].replace("$__rate_interval", "1m") for _, target in targets()]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", path)
