"""A run that is killed goes on as if it had not been: the same weights, bit for bit, and one history of scalars."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.agents.ppo.algorithm import RoutingPPO
from tidegate.agents.ppo.evaluations import read_best
from tidegate.agents.ppo.logs import STEP, rows_until
from tidegate.agents.ppo.resume import generators, latest, put_back
from tidegate.agents.ppo.train import train
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED

from .tags import steps
from .test_envs import short
from .toy_envs import ToyEnvs, ToyScenario

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plays millions of decisions")
MODES = ("gae", "branch", "blend")
SMALL = {"episodes": 8, "steps": 64, "minibatch": 128, "width": 8, "imitated": 512, "critic_share": 0.3}
NEAR = {"branch_hours": 2, "branch_stretch": 0.1, "blend_hours": 1, "blend_stretch": 0.1, "value_hours": 2}
OFTEN = {"updates": 8, "labels": 24, "refreshes": 2, "label_spacing": 5.0, "redraw": 3, "checkpoint_updates": 2}
SEEN = {"evaluate_episodes": 1, "evaluate_updates": 3}
QUICK: dict[str, Any] = {**SMALL, **NEAR, **OFTEN, **SEEN}


def quick(out: Path, seed: int | None = 1, **knobs: Any) -> Path:
    """A short run, with some knobs turned."""
    given: dict[str, Any] = QUICK | knobs
    return train(short(7), None, seed, out, **given)


def resumed(out: Path, **given: Any) -> Path:
    """The run in `out`, gone on with."""
    return train(short(7), None, None, out, resume=True, **given)


SCRIPT = """
import json, sys
from pathlib import Path
from tidegate.agents.ppo.train import train
from tidegate.envs.scenario import load
scenario = load("small_team")
scenario = scenario.model_copy(update={"episodes": scenario.episodes.model_copy(update={"horizon_days": 7})})
train(scenario, None, 1, Path(sys.argv[1]), resume=True, **json.loads(sys.argv[2]))
"""


def begin(out: Path, knobs: dict[str, Any]) -> subprocess.Popen[bytes]:
    """The same run in a process of its own."""
    command = [sys.executable, "-c", SCRIPT, str(out), json.dumps(knobs)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def weights(run: Path) -> dict[str, np.ndarray]:
    """All weights of a finished run, critic included, and all of its optimizer's moments."""
    model = RoutingPPO.load(run / "model.zip", device="cpu")
    found = {name: value.numpy() for name, value in model.policy.state_dict().items()}
    for number, moments in model.policy.optimizer.state_dict()["state"].items():
        found |= {f"{number} {name}": value.numpy() for name, value in moments.items()}
    return found


def rows(run: Path) -> list[dict[str, float | None]]:
    """The rows of the table, without what is read from a clock; in float32, as losses are."""
    with open(run / "progress.csv") as file:
        return [
            {name: float(np.float32(value)) if value else None for name, value in row.items() if not is_timed(name)}
            for row in csv.DictReader(file)
        ]


def is_timed(name: str) -> bool:
    steady = ("time/updates", "time/decisions", "time/share", STEP)
    return name == "branch/ms_per_label" or (name.startswith("time/") and name not in steady)


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_run_comes_to_the_same_weights(mode: str, tmp_path: Path) -> None:
    """SIGKILL strikes twice: as soon as the first checkpoint is there, and somewhere in the fifth update."""
    knobs = {**QUICK, "advantages": mode}
    whole = quick(tmp_path / "whole", advantages=mode)
    out = tmp_path / "killed"
    for updates in (0, 4):
        with begin(out, knobs) as process:
            deadline = time.monotonic() + 120
            while process.poll() is None and updates_of(out) < updates and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(0.005 * updates)
            assert process.poll() is None, "it ended before it could be killed"
            process.send_signal(signal.SIGKILL)
        assert not (out / "model.zip").exists()
        assert latest(out / "checkpoints") is not None
    assert resumed(out, **knobs) == out
    expected, found = weights(whole), weights(out)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert value.tobytes() == found[name].tobytes(), name
    best, again = read_best(whole), read_best(out)
    assert best is not None
    assert again is not None
    assert (best.cost, best.decisions) == (again.cost, again.decisions)
    assert all((value == again.weights[name]).all() for name, value in best.weights.items())
    assert rows(out) == rows(whole)
    assert steps(out) == steps(whole)
    assert all(len(set(points)) == len(points) for points in steps(out).values())


def updates_of(out: Path) -> int:
    """How many updates have left a row, where there is a checkpoint; else −1."""
    table = out / "progress.csv"
    return table.read_text().count("\n") if latest(out / "checkpoints") and table.exists() else -1


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    run = quick(tmp_path / "run", updates=1)
    before = (run / "model.zip").read_bytes()
    assert resumed(run) == run
    assert (run / "model.zip").read_bytes() == before


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    run = quick(tmp_path / "run", updates=1)
    with pytest.raises(InputError, match=r"updates, 2, is 1 in .*, leave it out, or begin in a new folder"):
        resumed(run, updates=2)
    with pytest.raises(InputError, match="scenario, small_team, is not the scenario of"):
        train(short(6), None, None, run, resume=True)
    (run / "settings.json").write_text('{"method": "evolution"}')
    with pytest.raises(InputError, match="is no run of training"):
        resumed(run)


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    run = quick(tmp_path / "run", updates=1)
    (run / "model.zip").unlink()
    checkpoint = latest(run / "checkpoints")
    assert checkpoint is not None
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match="is not a checkpoint of this run"):
        resumed(run)


def test_an_environment_that_cannot_be_put_back_is_refused(tmp_path: Path) -> None:
    knobs: dict[str, Any] = {
        "updates": 2,
        "checkpoint_updates": 1,
        "episodes": 16,
        "steps": 8,
        "minibatch": 64,
        "width": 8,
    }
    run = train(ToyScenario(), None, 1, tmp_path / "run", ToyEnvs, **knobs)
    (run / "model.zip").unlink()
    with pytest.raises(InputError, match="of an environment that cannot be put back"):
        train(ToyScenario(), None, None, run, ToyEnvs, resume=True)


def test_what_was_killed_before_anything_was_written_begins_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "settings.json.999999999.tidegate-tmp").write_bytes(b"torn")
    quick(run, updates=1, resume=True)
    assert (run / "model.zip").exists()
    assert not list(run.glob("*.tidegate-tmp"))


def test_generators_go_on_from_where_they_were() -> None:
    states = json.loads(json.dumps(generators()))

    def drawn() -> tuple[Any, ...]:
        legacy = np.random.permutation(5).tolist()  # noqa: NPY002
        return torch.rand(3).tolist(), legacy, random.random()

    expected = drawn()
    assert drawn() != expected
    put_back(states)
    assert drawn() == expected


def test_a_table_is_cut_at_the_checkpoint_and_a_torn_row_dropped() -> None:
    text = f"a,{STEP}\n1,10\n2,20\n3,30\n4,15"
    assert rows_until(text, 20) == [f"a,{STEP}", "1,10", "2,20"]
    assert rows_until("a,b\n1,2\n", 20) == []
    assert rows_until("", 20) == []
