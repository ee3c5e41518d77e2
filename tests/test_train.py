"""Training: it learns what is known to be best, stops in time, leaves whole files, and never learns from NaN."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tidegate.agents.board.events import Point
from tidegate.agents.board.validation import AVOIDABLE
from tidegate.agents.ppo import train as training
from tidegate.agents.ppo.algorithm import RoutingPPO
from tidegate.agents.ppo.callbacks import NonFiniteError, save
from tidegate.agents.ppo.clock import Clock
from tidegate.agents.ppo.evaluations import BEST, read_best
from tidegate.agents.ppo.export import export
from tidegate.agents.ppo.network import SitePolicy, SiteScorer
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.train import train
from tidegate.fastsim.errors import InputError
from tidegate.trained import durable
from tidegate.trained.bundle import load

from .toy_envs import ToyEnvs, ToyScenario

QUICK = {"episodes": 64, "steps": 32, "minibatch": 512, "learning_rate": 3e-3, "gamma": 0.01, "width": 32}
UPDATE = QUICK["episodes"] * QUICK["steps"]


def trained(out: Path, decisions: int, make_envs: Any = ToyEnvs, **knobs: Any) -> Path:
    given = {"minutes": 1.0, "seed": 1, "decisions": decisions, **QUICK, **knobs}
    return train(ToyScenario(), out=out, make_envs=make_envs, **given)


def actor_of(model: RoutingPPO) -> SiteScorer:
    return cast("SitePolicy", model.policy).actor


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is long enough to learn the toy."""
    return trained(tmp_path_factory.mktemp("runs") / "run", 20 * UPDATE, evaluate=lambda actor: {"eval/weights": 12.0})


def test_training_finds_the_known_best_action(run: Path, tmp_path: Path) -> None:
    bundle = load(export(run, tmp_path / "bundle"))
    envs = ToyEnvs(ToyScenario(), 5000, seed=99)
    envs.reset()
    actions = bundle.decide(envs.observation, envs.mask)
    assert (actions == envs.best()).mean() > 0.9


def test_training_never_takes_an_illegal_action(tmp_path: Path) -> None:
    envs = ToyEnvs(ToyScenario(), 64, seed=0)
    trained(tmp_path / "run", 2 * UPDATE, lambda *_: envs)
    assert envs.illegal == 0


def test_a_run_leaves_what_it_was_made_of(run: Path) -> None:
    left = {path.name for path in run.iterdir()}
    assert left == {
        "model.zip",
        "observation.json",
        "progress.csv",
        "scenario.json",
        "settings.json",
        "tensorboard",
    }
    assert Settings(**json.loads((run / "settings.json").read_text())).decisions == 20 * UPDATE
    assert json.loads((run / "scenario.json").read_text())["name"] == "toy"
    assert json.loads((run / "observation.json").read_text())["sites"] == 3
    assert list((run / "tensorboard").glob("events.*"))


def test_schedules_fall_to_zero_with_the_share_of_the_run(run: Path) -> None:
    header, *rows = [line.split(",") for line in (run / "progress.csv").read_text().splitlines()]
    rates = [float(row[header.index("train/learning_rate")]) for row in rows[1:]]
    weights = [float(row[header.index("train/entropy_weight")]) for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 10 * rates[-1]
    assert weights[-1] == 0


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    knobs = [load(export(trained(tmp_path / f"run{i}", UPDATE * 2), tmp_path / f"b{i}")).knobs() for i in range(2)]
    assert knobs[0].tobytes() == knobs[1].tobytes()


def test_a_saved_model_loads_and_decides(run: Path) -> None:
    model = RoutingPPO.load(run / "model.zip", device="cpu")
    envs = ToyEnvs(ToyScenario(), 8, seed=0)
    actions, _ = model.predict(envs.reset(), deterministic=True, action_masks=envs.mask)
    assert envs.mask[np.arange(8), actions].all()


def test_the_weights_that_cost_least_in_validation_weeks_are_exported(tmp_path: Path) -> None:
    costs, seen = iter([5.0, 3.0, 4.0, math.inf]), list[dict[str, np.ndarray]]()

    def evaluate(actor: SiteScorer) -> Point:
        seen.append(actor.weights())
        return {AVOIDABLE: next(costs)}

    run = trained(tmp_path / "run", 10**9, evaluate=evaluate, updates=3, evaluate_updates=1, minutes=None)
    assert len(seen) == 4
    best = read_best(run)
    assert best is not None
    assert (best.cost, best.decisions) == (3.0, 2 * UPDATE)
    exported = load(export(run, tmp_path / "bundle"))
    assert all((exported.weights[name] == value).all() for name, value in seen[1].items())
    assert any((exported.weights[name] != value).any() for name, value in seen[3].items())
    assert f"after {2 * UPDATE:,} decisions" in (tmp_path / "bundle" / "CARD.md").read_text()
    (run / BEST).write_bytes(b"broken")
    with pytest.raises(InputError, match=r"best.npz, holds no weights \(ValueError\), remove it"):
        export(run, tmp_path / "other")


def test_training_stops_by_the_clock(tmp_path: Path) -> None:
    begin = time.monotonic()
    train(ToyScenario(), 0.02, 1, tmp_path / "run", ToyEnvs, **QUICK)
    assert time.monotonic() - begin < 20
    assert (tmp_path / "run" / "model.zip").exists()


def test_a_clock_runs_by_time_or_decisions_whichever_is_further() -> None:
    clock = Clock(Settings(minutes=1, decisions=1000))
    assert clock.share(500) == 0.5
    clock.begin -= 45
    assert clock.share(500) == pytest.approx(0.75, abs=0.05)
    clock.begin -= 45
    assert clock.share(0) == 1


def test_checkpoints_are_kept_and_the_oldest_removed(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", 5 * UPDATE, checkpoint_minutes=1e-9, checkpoints=2)
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == [f"{4 * UPDATE:012d}.zip", f"{5 * UPDATE:012d}.zip"]


def test_an_older_run_is_never_written_over(run: Path) -> None:
    with pytest.raises(InputError, match="is not an empty folder, name a new folder"):
        trained(run, UPDATE)


@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        ({"gamma": 1.5}, "gamma, 1.5, "),
        ({"gama": 0.9}, "gama, 0.9, .*the settings are minutes, "),
        ({"minibatch": 500}, "must divide episodes × steps"),
        ({"learning_rate": float("nan")}, "learning_rate, nan"),
    ],
)
def test_a_wrong_setting_is_named(knobs: dict[str, float], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        trained(tmp_path / "run", UPDATE, **knobs)
    assert not (tmp_path / "run").exists()


class BrokenEnvs(ToyEnvs):
    """A toy that turns out a number that is none after 50 steps, or at the beginning."""

    where = "reward"
    steps = 0

    def reset(self) -> np.ndarray:
        observation = super().reset()
        if self.where == "first observation":
            observation[3, 2] = np.nan
        return observation

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observation, reward, done, info = super().step_wait()
        self.steps += 1
        if self.steps == 50 and self.where == "reward":
            reward[3] = np.nan
        if self.steps == 50 and self.where == "observation":
            observation[3, 2] = np.inf
        return observation, reward, done, info


@pytest.mark.parametrize("where", ["reward", "observation", "first observation"])
def test_a_broken_environment_stops_training_before_anything_is_saved(where: str, tmp_path: Path) -> None:
    def make_envs(*arguments: Any) -> BrokenEnvs:
        envs = BrokenEnvs(*arguments)
        envs.where = where
        return envs

    kind = "rewards" if where == "reward" else "observations"
    with pytest.raises(NonFiniteError, match=f"training: {kind} after .* are NaN or infinite, lower the learning rate"):
        trained(tmp_path / "run", 5 * UPDATE, make_envs)
    assert not (tmp_path / "run" / "model.zip").exists()


@pytest.mark.parametrize("where", ["advantage", "loss", "gradient"])
def test_a_broken_update_stops_before_the_optimiser_steps(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    class Broken(RoutingPPO):
        def train(self) -> None:
            seen["before"] = [weight.detach().clone() for weight in self.policy.parameters()]
            seen["policy"] = self.policy
            if where == "loss":
                self.rollout_buffer.advantages[:] = np.nan  # whichever minibatch comes first
            if where == "gradient":
                actor_of(self).score_bias.register_hook(lambda gradient: gradient * np.inf)
            super().train()

        def collect_rollouts(self, *arguments: Any, **options: Any) -> bool:
            if where == "advantage":
                self.gamma = self.rollout_buffer.gamma = float("nan")
            return super().collect_rollouts(*arguments, **options)

    monkeypatch.setattr(training, "RoutingPPO", Broken)
    expected = "advantages" if where == "advantage" else "gradients"
    with pytest.raises(NonFiniteError, match=expected):
        trained(tmp_path / "run", 5 * UPDATE)
    if where != "advantage":
        assert all((old == new).all() for old, new in zip(seen["before"], seen["policy"].parameters(), strict=True))
    assert not (tmp_path / "run" / "model.zip").exists()


def test_a_weight_that_is_no_number_is_never_saved(run: Path, tmp_path: Path) -> None:
    model = RoutingPPO.load(run / "model.zip", device="cpu")
    actor_of(model).hold_bias.data[3] = np.nan
    with pytest.raises(NonFiniteError, match="hold_bias"):
        save(model, tmp_path / "model.zip")
    assert not list(tmp_path.iterdir())


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "model.zip"
    script = (
        "import sys; from pathlib import Path; from tidegate.trained.durable import write_file\n"
        "for i in range(10**9): write_file(Path(sys.argv[1]), bytes([i % 256]) * 300_000); print(flush=True)"
    )
    for kill in range(8):
        with subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * kill)
            writer.send_signal(signal.SIGKILL)
        content = target.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
    durable.write_file(target, b"last")
    assert [path.name for path in tmp_path.iterdir()] == ["model.zip"]


def test_a_folder_that_cannot_be_filled_is_not_there(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "one").write_bytes(b"1")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        durable.write_folder(tmp_path / "bundle", fill)
    assert not list(tmp_path.iterdir())


def test_a_living_writer_keeps_its_file(tmp_path: Path) -> None:
    beside = tmp_path / f"model.zip.1{durable.ASIDE}"
    beside.write_bytes(b"another process is at it")
    durable.write_file(tmp_path / "model.zip", b"new")
    assert beside.exists()


def test_the_command_line_names_a_wrong_option(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert training.main(["small_team", "--gamma", "1.5", "--out", str(tmp_path / "run")]) == 2
    assert "training settings: gamma, 1.5" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        training.main(["--help"])
    assert stop.value.code == 0
    assert "--learning-rate" in capsys.readouterr().out
