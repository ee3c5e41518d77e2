"""TensorBoard of an evolution: every tag is defined, every point is there once, and nothing of it flows back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tidegate.agents import board
from tidegate.agents.board.events import Events
from tidegate.agents.evolution import evolve as evolution
from tidegate.agents.evolution.board import genes_of, tag_of
from tidegate.agents.evolution.evolve import checked, evolve, finished
from tidegate.agents.evolution.genes import GENES, first_weights
from tidegate.agents.evolution.recipe import command
from tidegate.agents.evolution.settings import SHOWN, Settings
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.jit import IS_COMPILED

from .tags import documented, events, recorded, settings_and_metrics, steps
from .toy_progress import interrupting

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plays millions of decisions")
PLAIN = checked(generations=3, candidates=4, episodes=1, sets=2, reference="cost-greedy", evaluate_episodes=0)
WATCHED = PLAIN.model_copy(update={"evaluate_episodes": 1, "evaluate_generations": 2})
FORESEEN = WATCHED.model_copy(update={"clairvoyant_episodes": 1, "clairvoyant_jobs": 2})
RESULTS = ("journal.json", "result.json", "weights.npz")


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("small_team")


@pytest.fixture(scope="module")
def run(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was watched, beside the clairvoyant too."""
    folder = tmp_path_factory.mktemp("evolution") / "run"
    evolve([small], FORESEEN, folder)
    return folder


def alike(run: Path, other: Path) -> bool:
    """Both came to the same result, byte for byte."""
    return all((run / name).read_bytes() == (other / name).read_bytes() for name in RESULTS)


def points(run: Path) -> dict[str, list[int]]:
    """Where a run's scalars and pictures have points, without what only the clairvoyant adds."""
    return {tag: found for tag, found in steps(run).items() if tag != "eval/gap_closed"}


def test_every_tag_is_documented_and_every_documented_tag_is_there(run: Path) -> None:
    assert recorded(run) == documented("evolution")
    genes = {tag for tag in events(run).Tags()["scalars"] if tag.startswith("genes/")}
    assert genes == {tag_of(gene.label) for gene in GENES}
    assert len(genes) == len(GENES)
    assert not any(set(tag) & set(" ,()") for tag in genes)


def test_every_generation_has_its_point_and_the_last_is_of_what_is_written(run: Path) -> None:
    found = steps(run)
    assert found["evolution/loss_median"] == found["genes/committed"] == [1, 2, 3]
    assert found["eval/avoidable_cost"] == found["mix/by_hour"] == [0, 2, 4]
    assert found["evolution/fresh_loss"] == [4]
    seen = events(run)
    assert [point.value for point in seen.Scalars("evolution/loss_median")] == pytest.approx(finished(run).curve)
    assert seen.Scalars("evolution/fresh_loss")[0].value == pytest.approx(finished(run).fresh_loss)


def test_settings_stand_beside_what_a_run_came_to(run: Path) -> None:
    columns, values, metrics = settings_and_metrics(run)
    assert columns == values == set(Settings.model_fields)
    tags = {tag for tag in documented("evolution") if tag.startswith("eval/")}
    assert metrics == {*tags, "evolution/fresh_loss"}


def test_who_is_watched_comes_to_the_same(small: Scenario, run: Path, tmp_path: Path) -> None:
    evolve([small], PLAIN, tmp_path / "plain")
    assert alike(run, tmp_path / "plain")
    assert "eval/avoidable_cost" not in recorded(tmp_path / "plain")
    assert "evolution/loss_least" in recorded(tmp_path / "plain")


@pytest.mark.parametrize("stop", [1, 6, 13])
def test_an_interrupted_run_shows_every_point_once(small: Scenario, run: Path, tmp_path: Path, stop: int) -> None:
    """It is interrupted before one of its twelve candidates, or at the choice of what is written."""
    with pytest.raises(KeyboardInterrupt):
        evolve([small], WATCHED, tmp_path / "run", interrupting(stop))
    evolve([small], WATCHED, tmp_path / "run")
    assert points(tmp_path / "run") == points(run)
    assert alike(tmp_path / "run", run)


def test_one_that_is_killed_before_its_journal_is_written_shows_that_generation_once(
    small: Scenario, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evolution, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            evolve([small], WATCHED, tmp_path / "run")
    assert steps(tmp_path / "run")["evolution/loss_least"] == [1]
    evolve([small], WATCHED, tmp_path / "run")
    assert points(tmp_path / "run") == points(run)


def test_a_run_that_goes_on_forgets_its_former_end(small: Scenario, run: Path, tmp_path: Path) -> None:
    folder, fewer = tmp_path / "run", WATCHED.model_copy(update={"generations": 2})
    evolve([small], fewer, folder)
    assert steps(folder)["evolution/fresh_loss"] == [3]
    evolve([small], WATCHED, folder)
    assert points(folder) == points(run)
    evolve([small], fewer, folder)
    assert steps(folder)["eval/avoidable_cost"] == [0, 2, 3]
    assert steps(folder)["evolution/loss_least"] == [1, 2]


def test_how_it_is_watched_is_no_part_of_what_a_run_is(small: Scenario, run: Path, tmp_path: Path) -> None:
    """One that was begun before there was anything to watch goes on, and so does one that is watched otherwise."""
    folder = tmp_path / "run"
    evolve([small], PLAIN.model_copy(update={"generations": 1}), folder)
    stored = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps({name: stored[name] for name in stored if name not in SHOWN}))
    evolve([small], WATCHED, folder)
    assert alike(folder, run)
    assert command(PLAIN, ["small_team"]) == command(WATCHED, ["small_team"])


def test_points_that_are_forgotten_are_in_no_file(tmp_path: Path) -> None:
    """TensorBoard's fast loader knows no other way. A torn record goes too; what the settings were is said anew."""
    for first in (0, 3):
        with Events(tmp_path / "tensorboard", first) as written:
            written.describe(PLAIN, ["one"])
            for step in range(first, first + 4):
                written.write({"one": step}, step)
            written.finish()
        (old,) = sorted((tmp_path / "tensorboard").iterdir())[-1:]
        old.write_bytes(old.read_bytes()[:-3])
    read = [
        event for path in sorted((tmp_path / "tensorboard").iterdir()) for event in EventFileLoader(str(path)).Load()
    ]
    told = [(event.step, value.tag) for event in read for value in event.summary.value]
    settings = [(0, "_hparams_/experiment"), (0, "_hparams_/session_start_info")]  # whose end was torn
    assert told == [*((step, "one") for step in range(3)), *settings, *((step, "one") for step in range(3, 7))]
    with Events(tmp_path / "tensorboard", 0):
        assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_genes_are_shown_as_the_weights_that_they_are() -> None:
    weights = first_weights()
    weights["weigh_bias"][:] += 1
    before, after = genes_of(first_weights()), genes_of(weights)
    moved = {gene.label for gene in GENES if after[tag_of(gene.label)] == before[tag_of(gene.label)] + 1}
    assert moved == {gene.label for gene in GENES if gene.name == "weigh_bias"}


def test_without_tensorboard_it_evolves_all_the_same_and_says_so_once(
    small: Scenario, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing: Any = None
    monkeypatch.delattr(board, "events", raising=False)
    monkeypatch.setitem(sys.modules, f"{board.__name__}.events", missing)
    evolve([small], WATCHED, tmp_path / "run")
    assert alike(tmp_path / "run", run)
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert capsys.readouterr().err.count("evolve: nothing for TensorBoard, ") == 1


def test_it_needs_no_pytorch() -> None:
    package = board.__name__.removesuffix(".board")
    modules = f"{package}.board.validation, {package}.evolution.evolve"
    script = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[__name__.count(".")])}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120, env=environment)
