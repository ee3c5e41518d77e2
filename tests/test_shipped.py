"""The policies that come with Tidegate: they load, read what is observed now, and do better than the best rule."""

import re
from pathlib import Path

import pytest

from tidegate.agents.choosing.chosen import Chosen, place_of
from tidegate.agents.evaluation.episodes import CHOICE
from tidegate.agents.evaluation.policies import TRAINED, resolve, shipped
from tidegate.agents.tuning.course import Course
from tidegate.envs.scenario import load, names
from tidegate.fastsim.agent import Agent
from tidegate.trained.bundle import load as load_bundle

FIRST = 1000  # of episodes that none was learned on
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_is_small_and_has_a_card(name: str) -> None:
    folder = TRAINED / name
    assert {path.name for path in folder.iterdir()} == {"CARD.md", "envelope.json", "manifest.json", "policy.onnx"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 200_000
    card = (folder / "CARD.md").read_text()
    assert card.startswith(f"# {name}\n")
    assert "`tidegate evolve " in card


@pytest.mark.parametrize("name", shipped())
def test_the_recipe_of_a_shipped_policy_is_the_one_in_the_docs(name: str) -> None:
    """And the Makefile has the same."""
    command = load_bundle(TRAINED / name).manifest.training["recipes"][-1]
    in_docs = found_in(ROOT / "docs" / "learning.md", name)
    assert options(command) == options(in_docs)
    assert options(expanded(found_in(ROOT / "Makefile", name))) == options(in_docs)


def found_in(page: Path, name: str) -> str:
    """The one command of a page that ends with the run called `name`, or with that of a teacher of this name."""
    ends = (f"--out runs/{name}", f"--out runs/teachers/{name}")
    (found,) = (line.strip() for line in page.read_text().splitlines() if line.endswith(ends))
    return found


def expanded(line: str) -> str:
    """A line of the Makefile with its variables written out."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    for name, value in reversed(re.findall(r"^(\w+) := (.*)$", makefile, re.MULTILINE)):  # each names earlier ones
        line = line.replace(f"$({name})", value)
    return line.rpartition("|| ")[2].replace("$(BIN)/", "")  # unless it was made before


def options(command: str) -> tuple[list[str], dict[str, str]]:
    """The scenarios of a command, in order, or these and their teachers, and its options, but for the folder."""
    words = command.split()
    first = next(place for place, word in enumerate(words) if word.startswith("--"))
    values = dict(zip(words[first::2], words[first + 1 :: 2], strict=True))
    return words[2:first], {name: value for name, value in values.items() if name != "--out"}


@pytest.mark.parametrize("name", names())
def test_what_was_chosen_for_a_scenario_still_holds(name: str) -> None:
    """Of this world and these knobs, on as many episodes as the Makefile says, and told so in the table."""
    choice = Chosen.read(place_of(name))
    assert resolve("chosen", load(name), name).name == "chosen"  # refuses another world, and other knobs
    assert f"{name}:{choice.settings.episodes} " in (ROOT / "Makefile").read_text().replace("\n", " ")
    assert (choice.settings.seed, choice.settings.longer_waits, choice.trace, choice.load) == (1, 0.0, None, None)
    table = (ROOT / "benchmarks" / "results" / "chosen.md").read_text()
    (row,) = re.findall(rf"^\| {name} \(\d+\) .*$", table, re.MULTILINE)
    assert f"| {choice.policy} |" in row
    assert row in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", [name for name in shipped() if name in names()])
def test_a_specialist_costs_less_than_the_best_rule_in_its_world(name: str) -> None:
    scenario = load(name)
    course = Course(scenario, 1, CHOICE, FIRST, 2 * scenario.episodes.evaluation_windows)
    policy, rule = resolve(name, scenario), resolve("best-tuned", scenario)
    assert isinstance(policy, Agent)
    assert isinstance(rule, Agent)
    assert course.cost(policy) < course.cost(rule)
