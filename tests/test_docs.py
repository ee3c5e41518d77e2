"""The docs tell the truth: examples run, commands parse, links resolve, and nothing that exists goes unmentioned."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tidegate.agents import cli
from tidegate.agents.rules.catalogue import PLANNERS, RULES
from tidegate.envs.scenario import names
from tidegate.fastsim import observe

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "RESULTS.md",
    *(ROOT / "docs").rglob("*.md"),
]
FLOORS = ("agents", "benchmarks", "docs", "envs", "fastsim", "tests", "trained")
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^ {4}(tidegate .+)$|`(tidegate [a-z][^`]*)`", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
BLOCKS = {"Job": observe.JOB_FEATURES, "Clock": observe.CLOCK_FEATURES, "Site": observe.SITE_FEATURES}


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def example(page: str, number: int = 0) -> str:
    """The source of a page's nth example in Python."""
    return CODE.findall(text(ROOT / page))[number]


def commands() -> list[tuple[str, str]]:
    """Page and text of every command in the docs; what follows a pipe is another program."""
    found = [(page.name, "".join(match)) for page in PAGES for match in COMMAND.findall(text(page))]
    spoken = ("VERB", "--help")  # about commands in general
    return [(page, line.split(" | ")[0]) for page, line in found if not any(word in line for word in spoken)]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def verb_of(words: list[str]) -> tuple[Any, list[str]]:
    """The click command that the words after `tidegate` name, and the rest of them."""
    command: Any = get_command(cli.app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no verb {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_in_the_docs_parses(page, command):
    verb, words = verb_of(shlex.split(command.replace("[", " ").replace("]", " "))[1:])
    known = {name for parameter in verb.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} - known == set()
    is_complete = not re.search(r"[\[…|]|\b[A-Z]{3,}\b", command) and words
    if is_complete:
        verb.make_context(page, list(words))


def test_the_docs_are_full_of_commands():
    assert len(commands()) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    for target, anchor in LINK.findall(text(page)):
        if target.startswith(("http:", "https:")):
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_is_named_exists(page):
    for path in re.findall(rf"`((?:{'|'.join(FLOORS)})/[\w/.-]*)`", text(page)):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^ {4}|`)make ([a-z]+)", text(page), re.MULTILINE)}
    assert named - targets == set()


def test_every_page_can_be_reached_from_the_readme():
    linked = {target for target, _ in LINK.findall(text(ROOT / "README.md"))}
    assert {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md")} - linked == set()


@pytest.mark.parametrize("name", [*names(), *RULES, *PLANNERS])
def test_every_scenario_and_rule_is_mentioned(name):
    assert any(f"`{name}`" in text(page) for page in PAGES)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_feature_of_the_observation_is_defined_in_its_place(block):
    section = text(ROOT / "docs" / "observation.md").split(f"\n## {block}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert tuple(name for name, _ in rows) == BLOCKS[block]


def test_the_example_of_the_readme_runs(capsys):
    exec(compile(example("README.md"), "README.md", "exec"), {})
    assert re.match(r"[\d.]+ h: {'overage': ", capsys.readouterr().out)


@pytest.mark.parametrize(("number", "decisions"), [(0, 64), (1, 256)], ids=["stock PPO", "MaskablePPO"])
def test_the_examples_for_stable_baselines3_run(number, decisions):
    pytest.importorskip("sb3_contrib", reason="needs the train extra")
    source = example("docs/stable_baselines3.md", number)
    for pattern, value in ((r"DECISIONS = [\d_]+", f"DECISIONS = {decisions}"), (r"n_steps=\d+", "n_steps=32")):
        source, count = re.subn(pattern, value, source)
        assert count == 1
    source = source.replace("episodes=256", "episodes=8").replace("batch_size=4096", "batch_size=64")
    source = source.replace("batch_size=256", "batch_size=32")
    given: dict = {}
    exec(compile(source, "stable_baselines3.md", "exec"), given)
    assert given["model"].num_timesteps >= decisions


def test_the_stock_example_is_short():
    assert len([line for line in example("docs/stable_baselines3.md").splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").iterdir()), ids=lambda picture: picture.name)
def test_every_picture_is_a_small_png(picture):
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) < 400_000


def test_the_example_of_the_report_runs(tmp_path, monkeypatch):
    pytest.importorskip("plotly", reason="needs the report extra")
    monkeypatch.chdir(tmp_path)
    exec(compile(example("docs/report.md"), "report.md", "exec"), {})
    assert (tmp_path / "small_team.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py")))
def test_every_benchmark_has_its_section_in_the_results(name):
    results = text(ROOT / "benchmarks" / "RESULTS.md")
    assert f"<!-- {name}: begin -->" in results
    assert f"<!-- {name}: end -->" in results
