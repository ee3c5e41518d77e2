"""The choice of a policy: who races, who wins, what is written, and what is refused afterwards."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.choosing import choose as choosing
from tidegate.agents.choosing.choose import choose
from tidegate.agents.choosing.chosen import Chosen, Settings, place_of
from tidegate.agents.choosing.library import incumbent, library
from tidegate.agents.evaluation.episodes import (
    CHOICE,
    CONFIRMATION,
    EVALUATION,
    MOST_EPISODES,
    RACE,
    TUNING,
    VALIDATION,
)
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve, shipped
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.envs.traces import part
from tidegate.envs.traces.read import read
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.units import DAY

from .toy_tuning import grounded

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")
DOCUMENT = Path(__file__).parents[1] / "docs" / "choosing.md"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return grounded(tmp_path)


def agent(name: str) -> Agent:
    found = resolve(name)
    assert isinstance(found, Agent)
    return found


def run(*argv: object) -> int:
    try:
        return cli.main(["choose", *map(str, argv)])
    except SystemExit as end:
        return int(end.code or 0)


def settings(episodes: int = 32, longer_waits: float = 0.0) -> Settings:
    return Settings(episodes=episodes, seed=1, longer_waits=longer_waits)


def test_a_better_policy_is_found_proved_and_used(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    options = ["--incumbent", "committed-only", "--policy", "burst-only", "--policy", "cost-greedy", "--episodes", 32]
    assert run(mine, *options, "--json") == 0
    told = capsys.readouterr()
    assert told.err == ""
    found = Chosen.read(place_of(mine))
    assert json.loads(told.out) == json.loads(place_of(mine).read_text())
    assert list(found.race) == ["committed-only", "burst-only", "cost-greedy"]
    assert found.policy == "cost-greedy" and found.proof is not None
    assert found.proof.low is not None and 0 < found.proof.low < found.proof.saved < 1
    assert "committed-only" in found.race and found.race["committed-only"].saved == 0
    world = load(mine)
    both = [agent("cost-greedy"), resolve("chosen", world, mine)]
    report = evaluate(world, both, 4, seed=7)
    assert [one.name for one in both] == ["cost-greedy", "chosen"] and "it saves" in report.notes[0]
    one, other = (policy.avoidable for policy in report.policies)
    assert np.array_equal(one, other)


def test_what_is_told_says_who_raced_and_why_the_choice_fell(
    capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    options = ["--incumbent", "committed-only", "--policy", "cost-greedy", "--episodes", 16]
    assert run(mine, *options) == 0
    told = capsys.readouterr().out
    assert re.search(r"^ committed-only +16 ", told, re.MULTILINE) and re.search(
        r"^ cost-greedy +16 ", told, re.MULTILINE
    )
    assert re.search(r"^chosen: cost-greedy; it saves \d+\.\d % \[", told, re.MULTILINE)
    assert f"wrote {place_of(mine)}; to be used as --policy chosen\n" in told


def test_the_incumbent_stays_where_nobody_is_better() -> None:
    found = choose(load("small_team"), [agent("cost-greedy"), agent("burst-only")], settings(8))
    assert found.policy == found.incumbent == "cost-greedy" and found.proof is None
    assert "nobody was cheaper" in found.reason


def test_a_cheaper_policy_that_lets_jobs_wait_longer_is_not_chosen_unless_that_is_allowed() -> None:
    world = load("small_team")
    pair = [agent("first-fit"), agent("cost-greedy")]
    free = choose(world, pair, settings(longer_waits=100.0))
    assert free.policy == "cost-greedy" and free.proof is not None
    waits = {name: stand.wait_p95_hours or 0.0 for name, stand in free.race.items()}
    assert waits["cost-greedy"] > waits["first-fit"] > 0
    assert choose(world, pair, settings()).policy == "first-fit"


def test_who_waits_longer_is_told_by_shares() -> None:
    assert choosing.is_as_quick(1.05, 1.0, 0.05) and not choosing.is_as_quick(1.06, 1.0, 0.05)
    assert choosing.is_as_quick(0.0, 0.0, 0.0) and not choosing.is_as_quick(0.1, 0.0, 0.5)
    assert choosing.is_as_quick(float("nan"), 1.0, 0.0)


def test_too_few_stretches_prove_nothing() -> None:
    found = choose(load("small_team"), [agent("committed-only"), agent("cost-greedy")], settings(8))
    assert found.policy == "committed-only" and found.proof is not None
    assert (found.proof.low, found.proof.blocks) == (None, 2)
    assert "2 stretches or weeks prove nothing" in found.reason


def test_a_policy_under_which_too_much_waits_is_out_and_an_incumbent_of_that_kind_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = choosing._Rounds._fared

    def fared(self, source, chunks, policy):
        return None if policy.name == "burst-only" else whole(self, source, chunks, policy)

    monkeypatch.setattr(choosing._Rounds, "_fared", fared)
    pair = [agent("cost-greedy"), agent("burst-only")]
    found = choose(load("small_team"), pair, settings(4))
    assert found.race["burst-only"].cost is None and found.race["burst-only"].saved is None
    with pytest.raises(InputError, match=r"incumbent, burst-only, lets more wait"):
        choose(load("small_team"), pair[::-1], settings(4))


def test_the_library_holds_each_policy_once_and_knobs_by_class_only_where_classes_are_the_same() -> None:
    for name in ("small_team", "launch_week", "colossus1_gcp"):
        world = load(name)
        found = library(world, name)
        assert found[0] == incumbent(world, name) == "best-tuned"
        assert set(shipped()) <= set(found)
        agents = [resolve(one, world, name) for one in found]
        knobs = [(id(one.choose), one.knobs.tobytes()) for one in agents if isinstance(one, Agent)]
        assert len(knobs) == len(set(knobs)) == len(found)
    assert "tuned:cost-greedy@mid_lab" in library(load("small_team"), "small_team")
    assert "tuned:cost-greedy@mid_lab" not in library(load("colossus1_gcp"), "colossus1_gcp")
    with pytest.raises(InputError, match="a knob for each class"):
        resolve("tuned:cost-greedy@mid_lab", load("colossus1_gcp"))


def test_without_tuned_rules_cost_greedy_is_the_incumbent(tmp_path: Path) -> None:
    path = tmp_path / "alone.toml"
    path.write_text(Path(load_path("small_team")).read_text().replace('name = "small_team"', 'name = "alone"'))
    world = load(path)
    assert incumbent(world, path) == "cost-greedy"
    assert {*RULES, "tuned:cost-greedy@small_team", *shipped()} <= set(library(world, path))


def load_path(name: str) -> Path:
    return place_of(name).with_name(f"{name}.toml")


def test_episodes_of_a_choice_are_no_others() -> None:
    sets = (EVALUATION, TUNING, CHOICE, VALIDATION, RACE, CONFIRMATION)
    assert len({one.supply for one in sets}) == len(sets)
    firsts = sorted({one.first_stream for one in sets})
    assert all(later - earlier >= MOST_EPISODES for earlier, later in pairwise(firsts))


def test_a_choice_of_another_world_or_of_other_knobs_is_refused(mine: Path) -> None:
    world = load(mine)
    found = choose(world, [agent("cost-greedy")], settings(4))
    place_of(mine).write_text(found.model_dump_json())
    assert resolve("chosen", world, mine).name == "chosen"
    cases = {"digest": ("0" * 64, "another scenario"), "knobs_sha256": ("0" * 64, "no longer those")}
    for field, (value, reason) in cases.items():
        place_of(mine).write_text(found.model_copy(update={field: value}).model_dump_json())
        with pytest.raises(InputError, match=reason):
            resolve("chosen", world, mine)
    place_of(mine).write_text("{")
    with pytest.raises(InputError):
        resolve("chosen", world, mine)
    place_of(mine).unlink()
    with pytest.raises(InputError, match="run: tidegate choose"):
        resolve("chosen", world, mine)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--policy", "rolling-lp"], "takes no part"),
        (["--policy", "nobody"], "there is none of this name"),
        (["--trace", "x.csv"], "name another file with --out"),
        (["--days", "0:7"], "none is given"),
        (["--out", "x.txt"], "unknown ending"),
        (["--episodes", "0"], "'--episodes'"),
        (["--longer-waits", "-1"], "'--longer-waits'"),
    ],
)
def test_a_wrong_input_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], mine: Path, options: list[str], told: str
) -> None:
    assert run(mine, *options) == 2
    assert told in capsys.readouterr().err
    assert not place_of(mine).exists()


def test_a_part_of_a_trace_is_a_trace_of_its_own(tmp_path: Path) -> None:
    rows = [(str(number), number * 0.5 * 86400 + 100, 1 + number, 60) for number in range(10)]
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,submit_s,gpus,runtime_s\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    whole = read(path)
    first, rest = part.between(whole, 0, 2), part.between(whole, 2, None)
    assert [*first.job_id, *rest.job_id] == [*whole.job_id]
    assert first.gang.tolist() == [1, 2, 3, 4] and rest.submit_ms[0] == 0
    assert rest.submit_ms.tolist() == (whole.submit_ms[4:] - 2 * DAY).tolist()
    assert first.source == "jobs.csv, days 0:2" and rest.source == "jobs.csv, days 2:"
    for days in ((2, 2), (-1, 3), (5, 6), (9, None)):
        with pytest.raises(InputError, match=r"days"):
            part.between(whole, *days)
    assert part.days("0:28") == (0, 28) and part.days("28:") == (28, None)
    for text in ("", "3", "a:b", "1:2:3", ":", "-1:3"):
        with pytest.raises(InputError, match=r"two numbers"):
            part.days(text)


def test_the_document_names_every_field() -> None:
    table = DOCUMENT.read_text().split("## The file")[1]
    named = set(re.findall(r"`(\w+)`", table))
    assert set(Chosen.model_fields) <= named
    assert set(Chosen.model_fields["settings"].annotation.model_fields) <= named  # type: ignore[union-attr]
