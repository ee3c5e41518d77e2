"""Learn a policy with PPO: `python -m tidegate.agents.ppo.train small_team --minutes 3 --seed 1 --out runs/small_team`.

The run's folder gets `settings.json`, `scenario.json`, `observation.json` (what the numbers of an observation are),
`progress.csv`, `tensorboard/`, `checkpoints/`, `best.npz` (evaluations.py) and, at the end, `model.zip`. A model.zip is
Stable-Baselines3's: loading one executes code, so load only your own; what is passed on is the bundle that `export.py`
makes.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from rich.console import Console
from stable_baselines3.common.callbacks import CallbackList

from ...fastsim.errors import InputError
from ...trained.durable import ASIDE, write_file
from ...trained.manifest import described
from .algorithm import RoutingPPO, first_rate
from .callbacks import Bar, Checkpoints, CriticFirst, Guard, Scalars, Stop, save
from .clock import Clock
from .evaluations import Evaluate, Evaluations, validation
from .imitate import imitate
from .logs import Scribe
from .network import SitePolicy
from .precision import resolved
from .resume import latest, resumed
from .settings import Settings
from .start import bundle_of, teacher_of, weights_of

SETTINGS, SCENARIO, MODEL = "settings.json", "scenario.json", "model.zip"

# (scenario, episodes, seed) → a VecEnv with `layout: Layout`, `features: {"job" | "clock" | "site": names}`, and an
# `env_method("action_masks")` that returns one array (episodes, actions).
MakeEnvs = Callable[[Any, int, int], Any]


def routing_envs(scenario: Any, episodes: int, seed: int) -> Any:
    """The environment of a scenario, many episodes side by side."""
    from .vec_env import RoutingVecEnv

    return RoutingVecEnv(scenario, episodes, seed)


def train(
    scenario: Any,
    minutes: float | None,
    seed: int | None,
    out: Path,
    make_envs: MakeEnvs = routing_envs,
    evaluate: Evaluate | None = None,
    resume: bool = False,
    **knobs: Any,
) -> Path:
    """Train on `scenario` into the new folder `out`; return it. `knobs` are further fields of `Settings`.

    With `resume` a run in `out` that was interrupted goes on from its last checkpoint, with its own settings. Where
    they have a number of updates it comes to the same weights, bit for bit, as one that was not interrupted. `evaluate`
    says what is recorded of an actor from time to time; without it, what validation weeks say.

    Raises InputError when a setting is wrong or `out` is taken, NonFiniteError when training breaks.
    """
    given = {name: value for name, value in {"minutes": minutes, "seed": seed, **knobs}.items() if value is not None}
    settings = stored(out, scenario, given) if resume else None
    if settings is None:
        settings = with_width_of_start(checked_settings(**given), given)
        claim(out, resume)
    elif (out / MODEL).exists():
        return out
    torch.set_num_threads(settings.threads)
    with Console(stderr=True).status("drawing work, and running clusters to begin from"):
        envs = make_envs(scenario, settings.episodes, settings.seed)
    if settings.advantages != "gae" and not hasattr(envs, "batch"):
        reason, remedy = "needs worlds to branch, which this environment has not", "use gae"
        raise InputError("training settings", "advantages", settings.advantages, reason, remedy)
    write_identity(out, settings, scenario, envs)
    metrics: Sequence[str] = ()
    if evaluate is None:
        with Console(stderr=True).status("playing validation weeks under the best rule"):
            evaluate, metrics = validation(scenario, envs, settings)
    clock, checkpoint = Clock(settings), latest(out / "checkpoints") if resume else None
    if checkpoint is None:
        model, pending = begun(settings, scenario, envs, clock), []
    else:
        model, pending = resumed(checkpoint, envs, clock)
    done = None if checkpoint is None else model.num_timesteps
    logger = Scribe(out, done)
    for name, value, excluded in pending:
        logger.record(name, value, tuple(excluded))
    model.set_logger(logger)
    with closing(logger), Bar(clock) as bar:
        logger.begin(settings, metrics)
        checkpoints = Checkpoints(out / "checkpoints", settings)
        # What the last point says, then the point.
        told = [Evaluations(settings, evaluate, out), Scalars(clock, settings)]
        watchers = CallbackList([Guard(), CriticFirst(clock, settings), *told, bar, checkpoints, Stop(clock)])
        model.learn(2**60, watchers, reset_num_timesteps=done is None)
        save(model, out / MODEL)
        logger.finish()
    return out


def begun(settings: Settings, scenario: Any, envs: Any, clock: Clock) -> RoutingPPO:
    """A new model with the weights of `settings.start`, or warmed up by imitation of that rule."""
    first = first_rate(settings)
    optimizer = {"eps": 1e-5, "fused": True}
    model = RoutingPPO(
        SitePolicy,
        envs,
        learning_rate=lambda remaining: first * remaining,
        n_steps=settings.steps,
        batch_size=settings.minibatch,
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae,
        clip_range=settings.clip,
        ent_coef=settings.entropy,
        vf_coef=settings.value,
        max_grad_norm=settings.gradient,
        policy_kwargs={"layout": envs.layout, "width": settings.width, "optimizer_kwargs": optimizer},
        seed=settings.seed,
        device="cpu",
    )
    model.settings, model.clock = settings, clock
    bundle = bundle_of(settings.start)
    if bundle is not None:
        model.site_policy.actor.assign(weights_of(bundle))
    elif settings.imitated and hasattr(envs, "batch"):
        teacher = teacher_of(settings.start, scenario)
        envs.reset()
        agreed = imitate(model.site_policy.actor, envs.batch, teacher, settings)
        offers = f"{agreed:.1%} of {settings.imitated:,} offers"
        print(f"warm start: the actor agrees with {teacher.name} on {offers}", file=sys.stderr)
    return model


def with_width_of_start(settings: Settings, given: dict[str, Any]) -> Settings:
    """The settings, with the width of the bundle that they start from. Raises InputError where another was given."""
    bundle = bundle_of(settings.start)
    width = settings.width if bundle is None else bundle.manifest.network.width
    if given.get("width", width) != width:
        reason, remedy = f"is not that of {settings.start}", f"leave it out, or give {width}"
        raise InputError("training settings", "width", settings.width, reason, remedy)
    return settings.model_copy(update={"width": width})


def stored(out: Path, scenario: Any, given: dict[str, Any]) -> Settings | None:
    """The settings of the run in `out`; None where it has not even begun.

    Raises InputError where it is of another scenario, or of other settings than those that are `given`.
    """
    if not (out / SETTINGS).exists():
        return None
    try:
        found = Settings(**json.loads((out / SETTINGS).read_bytes()))
        of = json.loads((out / SCENARIO).read_bytes()) if (out / SCENARIO).exists() else described(scenario)
    except (OSError, ValueError, TypeError) as error:
        raise InputError("train", "run", out, "is no run of training", "name another folder") from error
    for name, value in checked_settings(**given).model_dump(include=set(given)).items():
        if value != getattr(found, name):
            reason, remedy = f"is {getattr(found, name)} in {out}", "leave it out, or begin in a new folder"
            raise InputError("training settings", name, value, reason, remedy)
    if of != described(scenario):
        reason, remedy = f"is not the scenario of {out}, {of.get('name')}", "name that one, or a new folder"
        raise InputError("train", "scenario", scenario.name, reason, remedy)
    return found


def write_identity(out: Path, settings: Settings, scenario: Any, envs: Any) -> None:
    """Write what a run is made of; settings first: a folder without them holds nothing yet."""
    write_file(out / SETTINGS, settings.model_dump_json(indent=2).encode())
    write_file(out / SCENARIO, json.dumps(described(scenario), indent=2).encode())
    features = {**envs.features, "sites": envs.layout.sites}
    write_file(out / "observation.json", json.dumps(features, indent=2).encode())


def checked_settings(**values: Any) -> Settings:
    """Settings with a definite precision, or an InputError that names the first wrong one."""
    try:
        settings = Settings(**values)
        return settings.model_copy(update={"precision": resolved(settings.precision)})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        remedy = f"choose another value; the settings are {', '.join(Settings.model_fields)}"
        raise InputError("training settings", name, first["input"], first["msg"], remedy) from error


def claim(out: Path, is_resumed: bool) -> None:
    """Make the run's folder; an older run is never written over. One that was killed at once left nothing of use."""
    if is_resumed and out.is_dir() and all(path.name.endswith(ASIDE) for path in out.iterdir()):
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("train", "out", out, "is not an empty folder", "name a new folder, or remove this one")
    out.mkdir(parents=True, exist_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line: a scenario, a folder, and every field of `Settings` as an option."""
    from ...envs.scenario import load

    parser = argparse.ArgumentParser(prog="python -m tidegate.agents.ppo.train", description="Learn a policy with PPO.")
    parser.add_argument("scenario", help="name of a scenario, or a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    for name, field in Settings.model_fields.items():
        option, text = f"--{name.replace('_', '-')}", f"{field.description} (default {field.default})"
        parser.add_argument(option, type=type(field.default), help=text.replace("%", "%%"))
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
