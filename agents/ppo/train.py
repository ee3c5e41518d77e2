"""Learn a policy with PPO: `python -m tidegate.agents.ppo.train small_team --minutes 3 --seed 1 --out runs/small_team`.

The run's folder gets `settings.json`, `scenario.json`, `observation.json` (what the numbers of an observation are),
`progress.csv`, `tensorboard/`, `checkpoints/` and, at the end, `model.zip`. A model.zip is Stable-Baselines3's: loading
one executes code, so load only your own; what is passed on is the bundle that `export.py` makes.
"""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import ValidationError
from rich.console import Console
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import CSVOutputFormat, Logger, TensorBoardOutputFormat

from ...fastsim.errors import InputError
from ...trained.durable import write_file
from ..rules import cost_greedy
from .callbacks import Bar, Checkpoints, Clock, CriticFirst, Evaluate, Guard, Scalars, Stop, save
from .imitate import imitate
from .network import SitePolicy
from .settings import Settings

# (scenario, episodes, seed) → a VecEnv with `layout: Layout`, `features: {"job" | "clock" | "site": names}`, and an
# `env_method("action_masks")` that returns one array (episodes, actions).
MakeEnvs = Callable[[Any, int, int], Any]


def routing_envs(scenario: Any, episodes: int, seed: int) -> Any:
    """The environment of a scenario, many episodes side by side."""
    from .vec_env import RoutingVecEnv

    return RoutingVecEnv(scenario, episodes, seed)


class TimedPPO(MaskablePPO):
    """MaskablePPO whose schedules follow the clock of the run instead of a planned number of steps."""

    clock: Clock
    critic_factor: float = 1.0

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        self._current_progress_remaining = 1 - self.clock.share(num_timesteps)

    def _update_learning_rate(self, optimizers: Any) -> None:
        """The critic's step size is in fixed proportion to the actor's."""
        super()._update_learning_rate(optimizers)
        optimizers.param_groups[1]["lr"] = optimizers.param_groups[0]["lr"] * self.critic_factor

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "clock"]


def train(
    scenario: Any,
    minutes: float,
    seed: int,
    out: Path,
    make_envs: MakeEnvs = routing_envs,
    evaluate: Evaluate | None = None,
    **knobs: Any,
) -> Path:
    """Train on `scenario` into the new folder `out`; return it. `knobs` are further fields of `Settings`.

    Raises InputError when a setting is wrong or `out` is taken, NonFiniteError when training breaks.
    """
    settings = checked_settings(minutes=minutes, seed=seed, **knobs)
    claim(out)
    torch.set_num_threads(settings.threads)
    with Console(stderr=True).status("drawing work, and running clusters to begin from"):
        envs = make_envs(scenario, settings.episodes, settings.seed)
    layout = envs.layout

    write_file(out / "settings.json", settings.model_dump_json(indent=2).encode())
    write_file(out / "scenario.json", json.dumps(described(scenario), indent=2).encode())
    write_file(out / "observation.json", json.dumps({**envs.features, "sites": layout.sites}, indent=2).encode())

    model = TimedPPO(
        SitePolicy,
        envs,
        learning_rate=lambda remaining: settings.learning_rate * remaining,
        n_steps=settings.steps,
        batch_size=settings.minibatch,
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae,
        clip_range=settings.clip,
        ent_coef=settings.entropy,
        vf_coef=settings.value,
        max_grad_norm=settings.gradient,
        policy_kwargs={"layout": layout, "width": settings.width, "optimizer_kwargs": {"eps": 1e-5, "fused": True}},
        seed=settings.seed,
        device="cpu",
    )
    if settings.imitated and hasattr(envs, "batch"):
        envs.reset()
        agreed = imitate(cast("SitePolicy", model.policy).actor, envs.batch, cost_greedy.agent(), settings)
        print(
            f"warm start: the actor agrees with cost-greedy on {agreed:.1%} of {settings.imitated:,} offers",
            file=sys.stderr,
        )
    model.critic_factor = settings.critic_rate / settings.learning_rate
    clock = model.clock = Clock(settings)
    formats = [TensorBoardOutputFormat(str(out / "tensorboard")), CSVOutputFormat(str(out / "progress.csv"))]
    model.set_logger(Logger(str(out), formats))

    with closing(model.logger), Bar(clock) as bar:
        scalars, checkpoints = Scalars(clock, settings, evaluate), Checkpoints(out / "checkpoints", settings)
        model.learn(
            2**60, CallbackList([Guard(), CriticFirst(clock, settings), scalars, bar, checkpoints, Stop(clock)])
        )
    save(model, out / "model.zip")
    return out


def checked_settings(**values: Any) -> Settings:
    """Settings, or an InputError that names the first wrong one."""
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        remedy = f"choose another value; the settings are {', '.join(Settings.model_fields)}"
        raise InputError("training settings", name, first["input"], first["msg"], remedy) from error


def claim(out: Path) -> None:
    """Make the run's folder; an older run is never written over."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("train", "out", out, "is not an empty folder", "name a new folder, or remove this one")
    out.mkdir(parents=True, exist_ok=True)


def described(scenario: Any) -> dict[str, Any]:
    """What a run and a bundle keep of a scenario."""
    return {"name": scenario.name, "digest": scenario.digest(), "scenario": json.loads(scenario.model_dump_json())}


def main(arguments: list[str] | None = None) -> int:
    """The command line: a scenario, a folder, and every field of `Settings` as an option."""
    from ...envs.scenario import load

    parser = argparse.ArgumentParser(prog="python -m tidegate.agents.ppo.train", description="Learn a policy with PPO.")
    parser.add_argument("scenario", help="name of a scenario, or a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the run")
    for name, field in Settings.model_fields.items():
        option, text = f"--{name.replace('_', '-')}", f"{field.description} (default {field.default})"
        parser.add_argument(option, type=type(field.default), default=field.default, help=text)
    options = vars(parser.parse_args(arguments))
    try:
        run = train(load(options.pop("scenario")), out=options.pop("out"), **options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"wrote {run}/model.zip")
    return 0


if __name__ == "__main__":
    sys.exit(main())
