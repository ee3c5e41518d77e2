"""How soon each learner beats the best tuned rule: cost against wall-clock time, from a fresh start.

    python benchmarks/curves.py [--scenario mid_lab] [--minutes 10] [--write]

lets evolution, PPO with GAE and sb3-contrib's MaskablePPO learn for so many minutes each, on all cores, one after the
other, and plays the same validation weeks of each every now and then. PPO learns twice: after it has imitated the rule,
which counts as time, and like MaskablePPO from a network that weighs costs as cost-greedy does, without choosing by it
yet. These plays do not count as time, nor does compilation: each learner has begun once before. Draws
docs/images/curves.png. Needs the `report` extra.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from matplotlib.ticker import NullLocator
from parts.machine import described
from parts.plain_policy import PlainPolicy
from parts.results import publish, table
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import Logger

from tidegate.agents.board.validation import Weeks, saved
from tidegate.agents.evaluation.episodes import TUNING
from tidegate.agents.evaluation.policies import best_rule
from tidegate.agents.evolution.evolve import Evolution, agent_of, checked
from tidegate.agents.evolution.genes import express, first_weights
from tidegate.agents.evolution.objective import loss
from tidegate.agents.evolution.worlds import worlds_of
from tidegate.agents.ppo import algorithm
from tidegate.agents.ppo.callbacks import CriticFirst
from tidegate.agents.ppo.clock import Clock
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.train import begun, checked_settings
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.threads import each

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "curves.png"
SEED, WEEKS, EVERY = 1, 32, 30.0  # seconds between two plays of the weeks
TICKS = (0.8, 1, 2, 5, 10, 20, 50, 100)  # of cost, in the rule's
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe and Ito's palette


class Point(NamedTuple):
    """How good a learner was."""

    minutes: float  # of learning
    saved: float  # share of the rule's cost
    wait: float  # 95th percentile, in the rule's


class Course:
    """A clock that stands still while validation weeks are played, and what they came to."""

    def __init__(self, weeks: Weeks, minutes: float) -> None:
        self.weeks, self.limit, self.points = weeks, 60 * minutes, list[Point]()
        self.began, self.spared, self.due = time.perf_counter(), 0.0, 0.0

    @property
    def seconds(self) -> float:
        """Of learning, so far."""
        return time.perf_counter() - self.began - self.spared

    def look(self, agent: Callable[[], Agent]) -> bool:
        """Play the weeks if it is time; whether learning may go on."""
        learned = self.seconds
        if learned >= self.due or learned >= self.limit:
            fared, rule = self.weeks.fare(agent())[0], self.weeks.rule
            self.points.append(Point(learned / 60, saved(fared.cost, rule.cost), fared.wait / rule.wait))
            print(f"  {learned / 60:5.1f} min  {100 * self.points[-1].saved:+7.1f} %", flush=True)
            self.due = learned + EVERY
            self.spared += self.seconds - learned
        return learned < self.limit


class Looking(BaseCallback):
    """Shows a course the policy after each collection, as it is deployed."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course

    def _on_rollout_end(self) -> None:
        self.may_go_on = self.course.look(self._agent)

    def _on_step(self) -> bool:
        return getattr(self, "may_go_on", True)

    def _agent(self) -> Agent:
        actor = cast("Any", self.model.policy).mlp_extractor.actor
        return algorithm.agent_of(actor, actor.layout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="mid_lab", help="name or file (default mid_lab)")
    parser.add_argument("--minutes", type=float, default=10, help="that each learns (default 10)")
    parser.add_argument(
        "--write", action="store_true", help="put the figures into benchmarks/RESULTS.md, and the picture"
    )
    given = parser.parse_args()
    machine = described(["cmaes", "sb3-contrib", "torch"], "all were")
    scenario = load(given.scenario)
    weeks = Weeks(scenario, best_rule(scenario), WEEKS)
    curves: dict[str, list[Point]] = {}
    for name, learn in LEARNERS.items():
        learn(scenario, Course(weeks, 0.0))
        print(name, flush=True)
        course = Course(weeks, given.minutes)
        learn(scenario, course)
        curves[name] = course.points
    rows = [row(name, points) for name, points in curves.items()]
    head = ["learner", "beats the rule after, min", "best: saved, %", "end: saved, %", "end: wait p95, × the rule's"]
    text = f"`{scenario.name}`, {given.minutes:g} minutes each, {WEEKS} validation weeks, seed {SEED}."
    publish("curves", machine, 1, [table(head, rows), text], given.write)
    if given.write:
        draw(curves, scenario.name)


def evolved(scenario: Scenario, course: Course) -> None:
    """Evolution from nothing learned, with the settings of `tidegate evolve`."""
    settings = checked(seed=SEED)
    search = Evolution(first_weights(), settings)
    course.look(lambda: agent_of(search.centre))
    sets = each(lambda number: worlds_of([scenario], settings, TUNING, number), settings.sets)
    may_go_on = True
    while may_go_on:
        positions, worlds = search.ask(), sets[len(search.generations) % settings.sets]
        agents = [agent_of(express(position, search.base)) for position in positions]
        search.tell(positions, each(lambda number: loss(worlds, agents[number]), len(agents)))  # noqa: B023
        may_go_on = course.look(lambda: agent_of(search.centre))


def by_gae(scenario: Scenario, course: Course, **knobs: Any) -> None:
    """PPO with GAE, with the settings of `tidegate train`; its schedules end where the course does."""
    settings = checked_settings(seed=SEED, minutes=max(course.limit, 1) / 60, threads=os.cpu_count(), **knobs)
    envs = RoutingVecEnv(scenario, settings.episodes, SEED)
    model = begun(settings, scenario, envs, Clock(settings))
    model.set_logger(Logger(None, []))
    model.learn(2**60, CallbackList([CriticFirst(model.clock, settings), Looking(course)]))


def masked(scenario: Scenario, course: Course) -> None:
    """MaskablePPO at its own step size and passes; episodes, steps, discounts and network as ours."""
    torch.set_num_threads(os.cpu_count() or 1)
    settings = Settings()
    envs = RoutingVecEnv(scenario, settings.episodes, SEED)
    model = MaskablePPO(
        PlainPolicy,
        envs,
        n_steps=settings.steps,
        batch_size=settings.minibatch,
        gamma=settings.gamma,
        gae_lambda=settings.gae,
        policy_kwargs={"layout": envs.layout, "width": settings.width},
        device="cpu",
        seed=SEED,
    )
    model.set_logger(Logger(None, []))
    model.learn(2**60, Looking(course))


LEARNERS: Mapping[str, Callable[[Scenario, Course], None]] = {
    "evolution": evolved,
    "PPO, GAE": by_gae,
    "PPO, GAE, no warm start": lambda scenario, course: by_gae(scenario, course, imitated=0),
    "MaskablePPO": masked,
}


def row(name: str, points: Sequence[Point]) -> list[str]:
    """What a curve says."""
    first = next((f"{one.minutes:.1f}" for one in points if one.saved > 0), "never")
    best, last = max(one.saved for one in points), points[-1]
    return [name, first, f"{100 * best:+.1f}", f"{100 * last.saved:+.1f}", f"{last.wait:.2f}"]


def draw(curves: Mapping[str, Sequence[Point]], scenario: str) -> None:
    """The curves: cost in the rule's against minutes."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for colour, (name, points) in zip(COLOURS, curves.items(), strict=True):
        costs = [1 - one.saved for one in points]
        axes.plot([one.minutes for one in points], costs, color=colour, marker=".", label=name)
    axes.axhline(1, color="#333333", linewidth=1)
    axes.annotate(" the best tuned rule", (1, 1), xycoords=("axes fraction", "data"), va="center")
    axes.set_yscale("log")
    axes.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0.7, 1.3 * max(1 - one.saved for points in curves.values() for one in points))  # ticks widen it
    axes.set_xlabel("minutes of learning")
    axes.set_ylabel("avoidable cost, × the rule's")
    axes.set_title(f"{scenario}, {WEEKS} validation weeks", fontsize=10, loc="left")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
