"""How fast trainers collect and learn: ours, sb3-contrib's MaskablePPO, Stable-Baselines3's PPO, and sbx's (JAX).

All train the same site scorer on the same scenario, with the same minibatches and passes, one update each in turn, and
all but sbx on the same episodes. Others than ours have it in plain torch, or in Flax, and MaskablePPO a second time as
ours has it. Times are CPU seconds of all threads of a process. sbx and PPO have no masks: where an action is illegal,
the environment holds instead. sbx runs under the interpreter that `--sbx` names, since it brings JAX.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
from parts.machine import described, on_one_core, short, spread
from parts.plain_policy import PlainPolicy
from parts.results import parser, publish, table
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from tidegate.agents.ppo.clock import Clock
from tidegate.agents.ppo.network import SitePolicy
from tidegate.agents.ppo.precision import resolved
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.train import begun
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.envs.scenario import load

SCENARIO, EPISODES, STEPS, MINIBATCH, EPOCHS, WIDTH = "small_team", 1024, 64, 16_384, 4, 64
SIZES = {"n_steps": STEPS, "batch_size": MINIBATCH, "n_epochs": EPOCHS}
DECISIONS = EPISODES * STEPS
WARM_UP = 2  # updates that are not counted
REFERENCE = "MaskablePPO"

Seconds = tuple[float, float]  # of CPU: of a collection, and of the gradient phase
Update = Callable[[], Seconds]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sbx", default=sys.executable, help="interpreter of an environment with sbx-rl")
    given = options.parse_args()
    on_one_core()
    machine = described(["stable-baselines3", "sb3-contrib", "torch"])
    jax, version = elsewhere(given.sbx)
    trainers = {**here(RoutingVecEnv(SCENARIO, EPISODES, seed=1)), **({f"sbx {version}, no masks": jax} if jax else {})}
    taken: dict[str, list[Seconds]] = {name: [] for name in trainers}
    for _ in range(WARM_UP + given.repeats):
        for name, update in trainers.items():
            taken[name].append(update())
    measured = {name: seconds[WARM_UP:] for name, seconds in taken.items()}
    rows = [row(name, seconds, measured[REFERENCE]) for name, seconds in measured.items()]
    if jax is None:
        rows.append(["sbx", *["not installed"] * 3, "", ""])
    head = ["trainer", "collection", "gradient phase", "whole updates", "to MaskablePPO", "spread"]
    publish("trainer", machine, given.repeats, [table(head, rows)], given.write)


def row(name: str, seconds: Sequence[Seconds], reference: Sequence[Seconds]) -> list[str]:
    """Decisions, and twice samples, per CPU second; the ratio is the median of those of single turns."""
    collecting, learning = (median(times) for times in zip(*seconds, strict=True))
    whole = [sum(times) for times in seconds]
    ratio = median(sum(other) / one for one, other in zip(whole, reference, strict=True))
    samples = DECISIONS * EPOCHS
    speeds = [DECISIONS / collecting, samples / learning, samples / median(whole)]
    return [name, *map(short, speeds), f"{ratio:.2f}×", spread(whole)]


def here(envs: RoutingVecEnv) -> dict[str, Update]:
    """What trains in this process, on the same episodes in turn."""
    asked = {"episodes": EPISODES, "steps": STEPS, "minibatch": MINIBATCH, "epochs": EPOCHS, "width": WIDTH}
    precisions = sorted({"float32", resolved("auto")})
    found = {}
    for precision in precisions:
        settings = Settings.model_validate({**asked, "imitated": 0, "precision": precision})
        found[f"Tidegate, {precision}"] = begun(settings, load(SCENARIO), envs, Clock(settings))
    first = next(iter(found.values()))
    kwargs = {"policy_kwargs": first.policy_kwargs, "gamma": first.gamma, "gae_lambda": first.gae_lambda}
    options = {**SIZES, **kwargs, "learning_rate": 3e-5, "clip_range": 0.1, "device": "cpu", "seed": 1}
    found[REFERENCE] = MaskablePPO(PlainPolicy, envs, **options)
    found["MaskablePPO, our network"] = MaskablePPO(SitePolicy, envs, **options)
    found["PPO, no masks"] = PPO(cast("Any", PlainPolicy), envs, **options)
    return {name: taking_turns(model, envs) for name, model in found.items()}


def taking_turns(model: Any, envs: RoutingVecEnv) -> Update:
    """One update of `model`, which goes on from where the others left the episodes."""
    model.set_logger(Logger(None, []))
    _, callback = model._setup_learn(2**60)

    def update() -> Seconds:
        model._last_obs = envs.batch.observations.copy()
        model._last_episode_starts = np.ones(EPISODES, bool)
        began = time.process_time()
        model.collect_rollouts(envs, callback, model.rollout_buffer, STEPS)
        collected = time.process_time()
        model.train()
        return collected - began, time.process_time() - collected

    return update


def elsewhere(interpreter: str) -> tuple[Update | None, str]:
    """Sbx in a process of its own, and its version; None where that interpreter has none."""
    ask = [interpreter, "-c", "from importlib.metadata import version; print(version('sbx-rl'))"]
    version = subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    if not version:
        return None, ""
    script = Path(__file__).parent / "parts" / "sbx_ppo.py"
    sizes = map(str, (EPISODES, STEPS, MINIBATCH, EPOCHS, WIDTH))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process: Any = subprocess.Popen([interpreter, str(script), SCENARIO, *sizes], **pipes)
    if json.loads(process.stdout.readline()) != "ready":
        raise RuntimeError(f"{script} under {interpreter} did not begin; run it alone to see why")

    def update() -> Seconds:
        process.stdin.write("update\n")
        process.stdin.flush()
        return tuple(json.loads(process.stdout.readline()))

    return update, version


if __name__ == "__main__":
    main()
