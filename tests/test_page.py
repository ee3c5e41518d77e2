"""The page of an evaluation: one file that loads nothing, safe with any name, whatever is absent."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.page import occupancy
from tidegate.agents.page.document import document
from tidegate.agents.page.names import distinct, names_of, safe, shortened, wrapped
from tidegate.agents.page.page import page, pictures
from tidegate.agents.verbs.command import command_line
from tidegate.envs.scenario import load
from tidegate.envs.traces.read import read
from tidegate.fastsim.jit import IS_COMPILED

from .evaluated_page import POLICIES, Made, Reader, bounded, everything, small_team
from .toy_scenario import toy

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
LOADING = {"src", "href", "srcset", "data", "action", "poster", "formaction", "background"}


@pytest.fixture(scope="module")
def made() -> Made:
    return small_team()


@pytest.fixture(scope="module")
def html(made: Made) -> str:
    return made.page(bounds=bounded(made.report, 20_000.0, 30_000.0), command="tidegate evaluate small_team --seed 3")


@pytest.fixture(scope="module")
def read_page(html: str) -> Reader:
    return Reader(html)


def test_the_page_is_well_formed(read_page: Reader) -> None:
    assert read_page.open == []
    assert read_page.elements[0][0] == "html"


def test_nothing_in_the_page_loads_anything(html: str, read_page: Reader) -> None:
    """Neither an element nor the style sheet refers to another file, and the page forbids itself to fetch one."""
    assert [pair for pair in read_page.elements if LOADING & pair[1].keys()] == []
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in read_page.elements}
    style = "".join(text for tag, text in read_page.texts if tag == "style")
    assert "url(" not in style and "@import" not in style
    policy = next(a["content"] for t, a in read_page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "http" not in policy


def test_the_library_is_in_the_page_once(html: str) -> None:
    assert html.count("* plotly.js v") == 1


def test_the_page_is_little_more_than_the_library(html: str) -> None:
    from plotly.offline import get_plotlyjs

    assert len(html.encode()) - len(get_plotlyjs().encode()) < 1_500_000


def test_the_page_holds_every_policy_and_every_picture(made: Made, read_page: Reader) -> None:
    shown = {"waterfall", "frontier", "occupancy", "waits", "commitments", "decisions", "pipelines"}
    assert shown <= read_page.ids()
    assert {picture["name"] for picture in read_page.data()} == shown
    for policy in made.report.policies:
        assert policy.name in read_page.words()


def test_the_page_says_what_it_was_made_from(made: Made, read_page: Reader) -> None:
    words = read_page.words()
    for said in (made.report.digest, "tidegate evaluate small_team --seed 3", "Unused commitment is never a saving"):
        assert said in words
    assert made.scenario.title in words


# Names.


NASTY = "<script>alert('1')</script>%{x}&\"</pre>"


def test_a_name_with_markup_stays_a_name(made: Made) -> None:
    policies = tuple(replace(policy, name=f"{NASTY}{number}") for number, policy in enumerate(made.report.policies))
    sites, classes = (tuple(f"{NASTY}{name}" for name in given) for given in (made.report.sites, made.report.classes))
    report = replace(
        made.report,
        scenario=NASTY,
        trace=NASTY,
        digest=NASTY,
        policies=policies,
        sites=sites,
        classes=classes,
        notes=(*made.report.notes, NASTY),
    )
    scenario = made.scenario.model_copy(update={"title": NASTY})
    names = names_of(scenario, report)
    drawn = pictures(names, replace(report, trace=None), made.seen, None)
    reader = Reader(document(names, report, drawn, NASTY))
    calm = replace(made.report, trace="trace", notes=(*made.report.notes, "note"))
    plain = Reader(document(names_of(made.scenario, calm), calm, everything(made), "command"))
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in plain.elements]
    assert NASTY in reader.words()
    texts = json.dumps(reader.data())
    assert "<script" not in texts and "%{x}&" not in texts  # nor does Plotly see markup, or a template


def test_names_are_short_where_they_differ() -> None:
    assert distinct(["cost-greedy", "runs/a/bundle", "runs/b/bundle", "runs/c/other"]) == [
        *("cost-greedy", "runs/a/bundle", "runs/b/bundle", "other")
    ]
    long, twin = "x" * 50, "x" * 49 + "y" + "x" * 50
    assert [len(name) for name in shortened(["first-fit", long])] == [9, 28]
    assert shortened([long, twin]) == [long, twin]
    assert wrapped("cost-greedy") == "cost-<br>greedy"
    assert safe("a & b") == "a &amp; b"


def test_the_headline_is_that_of_the_cheapest_policy(made: Made, read_page: Reader) -> None:
    costs = [policy.avoidable.sum() for policy in made.report.policies[1:]]
    comparison = made.report.comparisons[int(np.argmin(costs))]
    assert f"{100 * abs(comparison.avoidable.value):.1f} % of the avoidable cost" in read_page.words()
    assert f"{100 * abs(comparison.bill.value):.1f} % of the total bill" in read_page.words()


# What may be absent.


def test_one_policy_is_enough(made: Made) -> None:
    alone = replace(made.report, policies=made.report.policies[:1])
    reader = Reader(page(made.scenario, made.agents[:1], alone).decode())
    assert "waterfall" not in reader.ids() and "occupancy" in reader.ids()
    assert "It is compared with nothing" in reader.words()


def test_a_scenario_without_pipelines_has_a_page_without_timelines() -> None:
    small = Made(toy(), POLICIES[:2], episodes=1)
    reader = Reader(small.page())
    assert reader.open == [] and "pipelines" not in reader.ids() and "decisions" in reader.ids()
    assert "Undecided" in reader.words()  # one block gives no interval


def test_a_window_in_which_nothing_is_to_be_done_has_a_page(tmp_path: Path) -> None:
    """Three jobs, two of them in the warm-up."""
    path = tmp_path / "few.csv"
    path.write_text("job_id,submit_s,runtime_s,gpus\n1,0,60,8\n2,100,60,8\n3,900000,60,8\n", encoding="utf-8")
    few = Made(load("small_team"), POLICIES[::2], trace=read(path), episodes=1)
    reader = Reader(few.page())
    assert "occupancy" in reader.ids() and "No difference: first-fit costs what cost-greedy costs" in reader.words()
    (above, _) = occupancy.occupancy(few.names, few.seen).panels
    assert any(trace.get("yaxis") == "y2" for trace in above.data)


def test_the_same_evaluation_gives_the_same_bytes(made: Made) -> None:
    assert made.page() == made.page()


# The command.


def test_the_verb_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a page.html"
    words = ["evaluate", "small_team", "--policy", "cost-greedy", "--policy", "first-fit", "--episodes", "1"]
    assert cli.main([*words, "--report", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    said = Reader(target.read_text(encoding="utf-8")).words()
    assert told["scenario_digest"] in said
    assert f"tidegate {' '.join(words)} --seed 1 --report '{target}'" in said


def test_a_wrong_target_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for target, reason in ((tmp_path / "page.pdf", "use .html"), (tmp_path / "no" / "page.html", "does not exist")):
        with pytest.raises(SystemExit) as end:
            cli.main(["evaluate", "small_team", "--report", str(target)])
        assert end.value.code == 2 and reason in capsys.readouterr().err


def test_without_plotly_the_remedy_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", "small_team", "--report", str(tmp_path / "page.html")])
    assert end.value.code == 2 and "pip install 'tidegate[report]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_command_line_can_be_typed_again() -> None:
    options = {"--trace": None, "--policy": ["a b", "c"], "--episodes": 4}
    line = "tidegate evaluate mine.toml --policy 'a b' --policy c --episodes 4"
    assert command_line("evaluate", "mine.toml", options) == line


def test_the_page_of_rules_needs_nothing_of_bundles_or_learning(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    words = ["evaluate", "small_team", "--policy", "cost-greedy", "--episodes", "1", "--report", str(target), "--json"]
    absent = ("torch", "onnx", "onnxruntime", "matplotlib", "stable_baselines3")
    script = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\n"
        f"from tidegate.agents.cli import main\nmain({words!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert target.stat().st_size > 1_000_000
