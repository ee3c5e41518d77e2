"""Distil one policy from several: label offers, fit, meet new offers, and so on.

What differs between specialists is small enough for one network, but a search among all their worlds at once hears too
much noise to find it (docs/learning.md). Here each teacher says what it would do in its own worlds, which costs no
plays of whole weeks, and the student learns to do the same in all.
"""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from ...envs.explain import explained
from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.layout import Layout
from ...trained.durable import write_folder
from ...trained.manifest import described
from ..evolution import beginning, folder
from ..evolution.evolve import agent_of
from ..evolution.genes import Weights
from ..ppo.network import SiteScorer
from .fit import Match, Student, labelled
from .settings import IS, Settings
from .visited import Visits

WEIGHING, SAID = ("weigh_common", "weigh_site", "weigh_bias", "sharpness"), ("score_out", "hold_out")
Progress = Callable[[float, str], object]  # takes the share that is done, and with what it goes on


def checked(**values: Any) -> Settings:
    """Settings, or an InputError that names the first wrong one."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise explained(error, "distil") from None


def named(pair: str) -> tuple[str, str]:
    """The scenario and the teacher of `SCENARIO=TEACHER`. Raises InputError where that is something else."""
    scenario, equals, teacher = pair.partition(IS)
    if not (scenario and equals and teacher):
        reason, remedy = "is not a scenario and its teacher", "write SCENARIO=TEACHER, such as mid_lab=mid_lab"
        raise InputError("distil", "pair", pair, reason, remedy)
    return scenario, teacher


def distil(
    scenarios: Sequence[Scenario], settings: Settings, out: Path, progress: Progress = lambda *_: None
) -> list[Match]:
    """Distil a policy into the new folder `out`; how like its teacher it is in each scenario.

    Raises InputError where a teacher cannot be read, a scenario cannot be played, or the folder is taken.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError("distil", "out", out, "is there already", "name a new folder, or remove this one")
    names = [named(pair)[1] for pair in settings.pairs]
    taught = [beginning.weights_of(name) for name in names]
    first = beginning.begin(settings.start, 1)
    torch.set_num_threads(1)  # sums of several threads differ by how many there are
    progress(0.0, "drawing worlds")
    visits = Visits(scenarios, settings)
    scorers = [scorer_of(weights, layout) for weights, layout in zip(taught, visits.layouts, strict=True)]
    student = Student(begun(first.weights, visits.layouts[0], settings), len(scenarios), settings)
    agents = [agent_of(weights) for weights in taught]
    for number in range(settings.rounds):
        collected = number / settings.rounds
        phase = f"round {number + 1} of {settings.rounds}"
        progress(collected, f"{phase}, meeting offers")
        for place, offers in enumerate(visits.collect(agents, number)):
            student.told(labelled(offers, scorers[offers.scenario], [settings.seed, number, place]))
        if 0 in student.held:
            reason, remedy = f"leave too few to judge by in {scenarios[student.held.index(0)].name}", "ask for more"
            raise InputError("distil", "offers", settings.offers, reason, remedy)
        steps = settings.steps if number < settings.rounds - 1 else settings.last_steps

        def tell(done: float, collected: float = collected, phase: str = phase) -> None:
            progress(collected + done / settings.rounds, f"{phase}, fitting")

        student.fit(steps, tell)
        agents = [agent_of(student.scorer.weights())] * len(scenarios)
    matches = student.matches()
    recipes = [*first.recipes, *(one for name in names for one in beginning.recipes_of(name))]
    write(out, scenarios, settings, [*dict.fromkeys(recipes), command(settings)], student.scorer.weights(), matches)
    return matches


def scorer_of(weights: Weights, layout: Layout) -> SiteScorer:
    """Weights as a network in torch."""
    scorer = SiteScorer(layout, len(weights["embed_bias"]))
    scorer.assign({name: value.copy() for name, value in weights.items()})  # a bundle's cannot be written
    return scorer


def begun(weights: Weights, layout: Layout, settings: Settings) -> SiteScorer:
    """The student before it learns: it weighs costs as `weights` do, and its hidden layers say nothing yet."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        scorer = SiteScorer(layout, settings.width)
    own = scorer.weights()
    own |= {name: weights[name] for name in WEIGHING}
    own |= {name: np.zeros_like(own[name]) for name in SAID}
    scorer.assign(own)
    return scorer


def command(settings: Settings) -> str:
    """The command that makes the same weights from the same teachers."""
    fields = Settings.model_fields
    given = settings.model_dump(exclude={"method", "pairs"})
    options = [f"--{name.replace('_', '-')} {value}" for name, value in given.items() if value != fields[name].default]
    return " ".join(["tidegate distil", *settings.pairs, *options, "--out RUN"])


def write(
    out: Path,
    scenarios: Sequence[Scenario],
    settings: Settings,
    recipes: Sequence[str],
    weights: Weights,
    matches: Sequence[Match],
) -> None:
    """Write the run's folder, whole or not at all: the files of an evolution but for its journal."""
    result = [
        {"scenario": one.name, "teacher": named(pair)[1], **match._asdict()}
        for one, pair, match in zip(scenarios, settings.pairs, matches, strict=True)
    ]
    files = {
        folder.SETTINGS: settings.model_dump(),
        folder.SCENARIO: [described(one) for one in scenarios],
        folder.OBSERVATION: folder.FEATURES | {"sites": len(scenarios[0].sites)},
        folder.RECIPES: recipes,
        folder.RESULT: result,
        "version.json": {"tidegate": version("tidegate")},
    }

    def fill(aside: Path) -> None:
        for name, value in files.items():
            (aside / name).write_text(json.dumps(value, indent=1))
        np.savez(aside / folder.WEIGHTS, **weights)  # type: ignore[arg-type]

    out.parent.mkdir(parents=True, exist_ok=True)
    write_folder(out, fill)
