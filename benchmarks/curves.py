"""From nothing learned to better than the best tuned rule: what policies come to, by wall-clock time.

    python benchmarks/curves.py [--scenario mid_lab] [--minutes 30] [--write]

lets three learners begin on one scenario, one after the other, and asks now and then what their policies come to in
validation weeks: evolution, PPO with GAE from a warm start, and MaskablePPO of sb3-contrib with the same network. Their
runs lie in build/curves/; one that is there is not made again. Kernels are compiled and rules tuned before.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from parts.machine import described
from parts.results import publish, table
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tidegate.agents.board.events import Events
from tidegate.agents.board.validation import SAVED, SECONDS, WAIT_OF, Validation
from tidegate.agents.ppo.algorithm import agent_of
from tidegate.agents.ppo.network import SitePolicy
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.envs.scenario import load
from tidegate.trained.durable import write_file

ROOT = Path(__file__).parents[1]
KEPT, PICTURE = ROOT / "build" / "curves", ROOT / "docs" / "images" / "curves.png"
WEEKS = 32  # of validation
COLOURS = ("#0072B2", "#E69F00", "#CC79A7")  # Okabe and Ito's palette: blue, orange, purple
TIDEGATE = (sys.executable, "-c", "from tidegate.agents.cli import main; main()")
BEGAN = "began"  # file of the instant at which a run began, seconds


class Point(NamedTuple):
    """What a policy came to."""

    minutes: float  # of wall-clock time since the learner was started, evaluations apart
    saved: float  # share of the best tuned rule's avoidable cost
    wait: float  # 95th percentile of waits beside the rule's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="mid_lab")
    parser.add_argument("--minutes", type=float, default=30.0, help="of each learner (default 30)")
    parser.add_argument("--write", action="store_true", help="put the figures into benchmarks/RESULTS.md, and draw")
    given = parser.parse_args()
    machine = described(["cmaes", "stable-baselines3", "sb3-contrib", "torch"], "all were")
    curves = {}
    for name, learn in LEARNERS.items():
        out = KEPT / f"{given.scenario}_{name.partition(' ')[0].lower()}"
        if not (out / BEGAN).exists():
            write_file(made(out) / BEGAN, str(time.time()).encode())
            learn(given.scenario, given.minutes, out / "run")
        curves[name] = list(points(out))
    publish("curves", machine, 1, [told(curves, given.minutes)], given.write)
    if given.write:
        draw(curves, given.scenario, given.minutes)


def made(folder: Path) -> Path:
    """The folder, which need not be there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def evolution(scenario: str, minutes: float, out: Path) -> None:
    """As docs/learning.md describes; it is ended when its time is over."""
    seen = ["--evaluate-episodes", str(WEEKS)]
    process = subprocess.Popen([*TIDEGATE, "evolve", scenario, "--out", str(out), *seen])
    try:
        process.wait(60 * minutes)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


def ppo(scenario: str, minutes: float, out: Path) -> None:
    """PPO with GAE, from the best tuned rule."""
    seen = ["--evaluate-episodes", str(WEEKS), "--evaluate-minutes", "1"]
    options = ["--out", str(out), "--minutes", str(minutes)]
    subprocess.run([sys.executable, "-m", "tidegate.agents.ppo.train", scenario, *options, *seen], check=True)


def maskable(scenario: str, minutes: float, out: Path) -> None:
    """sb3-contrib's MaskablePPO with the same network, the same settings, and nothing learned before."""
    torch.set_num_threads(1)
    settings = Settings()
    envs = RoutingVecEnv(load(scenario), settings.episodes, settings.seed)
    model = MaskablePPO(
        SitePolicy,
        envs,
        learning_rate=settings.learning_rate,
        n_steps=settings.steps,
        batch_size=settings.minibatch,
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae,
        clip_range=settings.clip,
        max_grad_norm=settings.gradient,
        policy_kwargs={"layout": envs.layout, "width": settings.width, "optimizer_kwargs": {"eps": 1e-5}},
        seed=settings.seed,
        device="cpu",
    )
    with Events(out / "tensorboard", 0) as events:
        model.learn(2**60, Watch(Validation([load(scenario)], WEEKS), events, minutes))


class Watch(BaseCallback):
    """Shows every minute what the policy comes to, and ends the run when its time is over."""

    def __init__(self, validation: Validation, events: Events, minutes: float) -> None:
        super().__init__()
        self.validation, self.events = validation, events
        self.end, self.due = time.monotonic() + 60 * minutes, 0.0

    def _on_rollout_start(self) -> None:
        if time.monotonic() >= self.due:
            assert isinstance(self.model, MaskablePPO)
            assert isinstance(self.model.policy, SitePolicy)
            envs = self.model.get_env()
            assert isinstance(envs, RoutingVecEnv)
            self.events.write(self.validation.point(agent_of(self.model.policy.actor, envs.layout)), self.num_timesteps)
            self.due = time.monotonic() + 60

    def _on_step(self) -> bool:
        return time.monotonic() < self.end


LEARNERS: dict[str, Callable[[str, float, Path], None]] = {
    "Evolution": evolution,
    "PPO with GAE, warm start": ppo,
    "MaskablePPO of sb3-contrib": maskable,
}


def points(out: Path) -> Iterator[Point]:
    """The evaluations of a run, in order."""
    began, watched = float((out / BEGAN).read_text()), 0.0
    found = EventAccumulator(str(out / "run" / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    columns = (found.Scalars(tag) for tag in (SAVED, WAIT_OF, SECONDS))
    for saved, wait, seconds in zip(*columns, strict=True):
        watched += seconds.value
        yield Point((saved.wall_time - began - watched) / 60, saved.value, wait.value)


def told(curves: dict[str, list[Point]], minutes: float) -> str:
    """A row for each learner."""
    thirds = [minutes / 3, 2 * minutes / 3, minutes]
    rows = []
    for name, curve in curves.items():
        ahead = first_ahead(curve)
        shares = [f"{100 * before(curve, at).saved:+.1f}" for at in thirds]
        rows.append([name, "–" if ahead is None else f"{ahead:.1f}", *shares, f"{curve[-1].wait:.2f}"])
    head = ["learner", "better than the rule from minute … on"]
    return table([*head, *(f"saved after {at:g} min, %" for at in thirds), "wait p95 at the end, × the rule's"], rows)


def first_ahead(curve: Sequence[Point]) -> float | None:
    """Minutes after which every evaluation is better than the rule."""
    behind = [index for index, point in enumerate(curve) if point.saved <= 0]
    first = behind[-1] + 1 if behind else 0
    return curve[first].minutes if first < len(curve) else None


def before(curve: Sequence[Point], minutes: float) -> Point:
    """The last evaluation until then, or the first."""
    return [curve[0], *(point for point in curve if point.minutes <= minutes)][-1]


def draw(curves: dict[str, list[Point]], scenario: str, minutes: float) -> None:
    """The picture of docs/learning.md."""
    mpl.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    axes.axhline(0, color="#333333", linewidth=1)
    axes.annotate("the best tuned rule", (minutes, 0), ha="right", va="bottom", color="#333333")
    lowest = min(before(curve, minutes).saved for curve in curves.values())
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=True):
        axes.plot(
            [one.minutes for one in curve], [100 * one.saved for one in curve], color=colour, marker=".", label=name
        )
    axes.set_ylim(bottom=max(-60.0, 100 * min(lowest, -0.1) - 10))
    axes.set_xlim(0, minutes)
    axes.set_xlabel("minutes of wall-clock time since the start")
    axes.set_ylabel("avoidable cost saved, %")
    axes.set_title(f"{scenario}: what a policy saves against the best tuned rule, {WEEKS} validation weeks")
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(PICTURE, dpi=120)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
