"""Turn a run into a bundle: `tidegate export runs/small_team --out bundles/small_team`.

Before anything is written, torch, onnxruntime and the kernel must agree on thousands of random observations.
"""

import argparse
import hashlib
import io
import json
import platform
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...fastsim.jit import IS_COMPILED, from_python
from ...fastsim.layout import Layout
from ...fastsim.network import pack, scores, scratch_size
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from ...trained.bundle import CARD, MANIFEST, POLICY, agree, load, session
from ...trained.durable import write_folder
from ...trained.envelope import ENVELOPE
from ...trained.graph import MASKED, build
from ...trained.manifest import File, Golden, Manifest, Named, Network, Observation, TrainedOn
from ..distillation.distil import checked as checked_distillation
from ..distillation.settings import Settings as Distillation
from ..evolution import evolve as evolution
from ..evolution import folder
from ..evolution.recipe import RECIPES, recipe, searched
from ..evolution.settings import Settings as Evolution
from .evaluations import BEST, read_best
from .network import SiteScorer
from .seen import Progress, envelope_of, nobody
from .settings import Settings
from .train import checked_settings

REMEDY = "name the folder of a finished training run"
ACTOR = "mlp_extractor.actor."  # prefix of the actor's weights in a saved policy
SAMPLES = 10_000 if IS_COMPILED else 50  # observations on which the three forward passes must agree
GOLDEN = 16
FALLBACK = "cost-greedy"
LIMITS = (
    "Learned in simulation, from requested walltimes, prices and announced capacities; it knows nothing else of a "
    "cluster. What it saves elsewhere is told by `tidegate evaluate`, and where it breaks by `tidegate stress`. Where "
    "an observation is not finite, or nothing is legal, it refuses to answer and the fallback of manifest.json decides."
)
DISTILLED = "one network, fitted to what several teachers say; seed {}."
LIBRARIES = ("numpy", "onnx", "onnxruntime", "sb3-contrib", "stable-baselines3", "torch")
Learning = Settings | Evolution | Distillation


class ParityError(ArithmeticError):
    """Two forward passes of the same weights disagree; nothing was written."""


def export(
    run: Path,
    out: Path,
    name: str | None = None,
    fallback: str = FALLBACK,
    created: str | None = None,
    tell: Progress = nobody,
) -> Path:
    """Write the bundle of the finished run `run` to the new folder `out`; return it.

    `name` is the scenario's unless given, `fallback` the rule that answers where the policy cannot. The same run gives
    the same bytes; `created` is written as it is given. `tell` takes the share that is over.

    Raises InputError for a folder that is no run or is taken, ParityError when forward passes disagree.
    """
    if out.exists():
        raise InputError("export", "out", out, "is there already", "name a new folder, or remove this one")
    observation = Observation.model_validate_json(json.dumps(_json(run, "observation.json")))
    actor, settings = learned(run, observation.layout)
    graph = build(actor.weights(), observation.layout).SerializeToString(deterministic=True)
    golden = golden_vectors(actor, graph, observation.layout)
    scenario, *others = (TrainedOn(**one) for one in _scenarios(run))
    training = settings.model_dump()
    if not isinstance(settings, Settings):
        training[RECIPES] = folder.recipes_of(run)
    card = card_of(run, name or scenario.name, settings, [scenario, *others], training.get(RECIPES, [])).encode()
    written = {POLICY: graph, CARD: card}
    if (observation.job, observation.clock, observation.site) == (JOB_FEATURES, CLOCK_FEATURES, SITE_FEATURES):
        envelope = _envelope(actor, observation.layout, [scenario, *others], settings, tell)
        written |= {} if envelope is None else {ENVELOPE: envelope}
    manifest = Manifest(
        name=name or scenario.name,
        created=created,
        files={name: _file(content) for name, content in written.items()},
        observation=observation,
        observation_schema=observation.schema_hash,
        network=Network(width=settings.width),
        scenario=scenario,
        others=tuple(Named(name=one.name, digest=one.digest) for one in others),
        training=training,
        versions={"python": platform.python_version(), **{library: version(library) for library in LIBRARIES}},
        golden=golden,
        fallback=fallback,
    ).sealed()

    def fill(bundle: Path) -> None:
        for file, content in written.items():
            (bundle / file).write_bytes(content)
        (bundle / MANIFEST).write_bytes(manifest.rendered())
        load(bundle)

    out.parent.mkdir(parents=True, exist_ok=True)
    write_folder(out, fill)
    return out


def learned(run: Path, layout: Layout) -> tuple[SiteScorer, Learning]:
    """The actor of a run, and the settings that it was learned with. Raises InputError for a folder that is no run."""
    values = _json(run, "settings.json")
    if "method" not in values:
        settings = checked_settings(**values)
        actor, best = read_actor(run, layout, settings), read_best(run)
        if best is not None:
            try:
                actor.assign(best.weights)
            except (KeyError, RuntimeError) as error:
                raise InputError("export", "weights", run / BEST, "do not fit the run", REMEDY) from error
        return actor, settings
    is_distilled = values["method"] == Distillation.model_fields["method"].default
    found = checked_distillation(**values) if is_distilled else evolution.checked(**values)
    actor = SiteScorer(layout, found.width)
    try:
        actor.assign(folder.read_weights(run))
    except (KeyError, RuntimeError) as error:
        raise InputError("export", "weights", run / folder.WEIGHTS, "do not fit the run", REMEDY) from error
    return actor.requires_grad_(False), found


def card_of(run: Path, name: str, settings: Learning, scenarios: list[TrainedOn], commands: list[str]) -> str:
    """The card of a bundle, Markdown: what it is, how it was learned, what came out, and where its limits lie."""
    lines = [f"# {name}", "", "A policy that routes jobs between committed and burst sites.", "", "## Recipe", ""]
    if isinstance(settings, Evolution):
        lines += [*recipe(commands, searched(settings.seed)), "", "## What it came to", "", *told(run, settings)]
    elif isinstance(settings, Distillation):
        lines += [*recipe(commands, DISTILLED.format(settings.seed)), "", "## What it came to", "", *matched(run)]
    else:
        lines += [f"PPO on {scenarios[0].name}, `tidegate train`; every setting stands in manifest.json."]
        best = read_best(run)
        if best is not None:
            lines += [f"Weights after {best.decisions:,} decisions, those that cost least in validation weeks."]
    lines += ["", "## Learned on", ""]
    lines += [f"- {one.name} (digest {one.digest[:16]})" for one in scenarios]
    lines += ["", "## Limits", "", LIMITS, ""]
    return "\n".join(lines)


def told(run: Path, settings: Evolution) -> list[str]:
    """What an evolution came to, in sentences."""
    evolved = folder.finished(run)
    first, fresh, own = (f"{one:+.3f}" for one in (evolved.first_fresh_loss, evolved.fresh_loss, evolved.loss))
    return [
        f"Loss beside {settings.reference} (docs/learning.md), below 0 where it is better, after {len(evolved.curve)}",
        f"generations: {fresh} on weeks that it was not learned on ({first} before), {own} on those that it was.",
    ]


def matched(run: Path) -> list[str]:
    """How like its teachers a distilled policy is, a table."""
    rows = [(one["scenario"], one["teacher"], one["agreement"], one["regret"]) for one in _json(run, folder.RESULT)]
    return [
        "On offers that it did not learn from, in variants and in the scenarios themselves: how often it answers as",
        "the teacher does, and how much worse its answers are by the teacher's own reckoning of costs. Offers count by",
        "what is at stake.",
        "",
        "| scenario | teacher | alike, % | worse, % |",
        "| --- | --- | ---: | ---: |",
        *(f"| {place} | {teacher} | {100 * alike:.1f} | {100 * worse:.2f} |" for place, teacher, alike, worse in rows),
    ]


def _envelope(
    actor: SiteScorer, layout: Layout, learned_on: list[TrainedOn], settings: Learning, tell: Progress
) -> bytes | None:
    """The text of envelope.json: where the policy was, in the worlds that it learned in; None: they are unknown."""
    knobs = pack(actor.weights(), layout.job, layout.clock, layout.site, settings.width)
    try:
        scenarios = [Scenario.model_validate_json(json.dumps(one.scenario)) for one in learned_on]
    except ValidationError:  # of another version: nothing can be observed there
        return None
    variants = 0
    if isinstance(settings, Evolution):
        variants = settings.variants * settings.sets
    elif isinstance(settings, Distillation):
        variants = settings.variants
    return envelope_of(scenarios, variants, settings.seed, knobs, layout, tell).rendered()


def _scenarios(run: Path) -> list[dict[str, Any]]:
    """What a run keeps of its scenarios, the first of which a bundle keeps whole."""
    found = _json(run, "scenario.json")
    return found if isinstance(found, list) else [found]


def _file(content: bytes) -> File:
    return File(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def read_actor(run: Path, layout: Layout, settings: Settings) -> SiteScorer:
    """The trained actor. Only tensors are read from `model.zip`, so this executes nothing."""
    try:
        with zipfile.ZipFile(run / "model.zip") as archive:
            saved = torch.load(io.BytesIO(archive.read("policy.pth")), map_location="cpu", weights_only=True)
        actor = SiteScorer(layout, settings.width)
        weights = {name.removeprefix(ACTOR): value for name, value in saved.items() if name.startswith(ACTOR)}
        actor.load_state_dict(weights)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        reason = f"is not the model of this run ({type(error).__name__})"
        raise InputError("export", "model", run / "model.zip", reason, REMEDY) from error
    return actor.requires_grad_(False)


def golden_vectors(actor: SiteScorer, graph: bytes, layout: Layout) -> Golden:
    """Prove that the three forward passes agree, and keep some of the answers.

    Raises ParityError.
    """
    rng = np.random.default_rng(0)
    observations = rng.uniform(-1, 1, (SAMPLES, layout.size)).astype(np.float32)
    masks = rng.random((SAMPLES, layout.actions)) < 0.7
    masks[np.arange(SAMPLES), rng.integers(0, layout.actions, SAMPLES)] = True
    by_torch = actor(torch.from_numpy(observations)).numpy()
    expected, actions = session(graph).run(["logits", "action"], {"observation": observations, "mask": masks})
    for name, found in (("torch", by_torch), ("the kernel", kernel_scores(actor, layout, observations))):
        require_parity(name, np.where(masks, found, np.float32(MASKED)), expected)
    return Golden(
        observations=tuple(map(tuple, observations[:GOLDEN].tolist())),
        masks=tuple(map(tuple, masks[:GOLDEN].tolist())),
        logits=tuple(map(tuple, expected[:GOLDEN].tolist())),
        actions=tuple(actions[:GOLDEN].tolist()),
    )


def kernel_scores(actor: SiteScorer, layout: Layout, observations: np.ndarray) -> np.ndarray:
    """Scores (batch, actions) by the kernel's forward pass."""
    width = len(actor.embed_bias)
    knobs = pack(actor.weights(), layout.job, layout.clock, layout.site, width)
    out = np.empty((len(observations), layout.actions), np.float32)
    scratch = np.empty(scratch_size(layout.sites, width), np.float32)
    compute = from_python(scores)
    for row, observation in enumerate(observations):
        compute(observation, knobs, scratch, out[row])
    return out


def require_parity(name: str, logits: np.ndarray, expected: np.ndarray) -> None:
    """Logits agree, and so do choices wherever the best two are further apart than logits may differ."""
    if not agree(logits, expected):
        gap = np.abs(logits - expected).max()
        raise ParityError(f"export: logits of {name} and onnxruntime differ by {gap:.2g}; report this as a defect")
    best = np.sort(expected, axis=1)[:, -2:]
    is_tie = best[:, 1] - best[:, 0] <= 2e-5 * np.maximum(1, np.abs(best[:, 1]))
    flips = (logits.argmax(1) != expected.argmax(1)) & ~is_tie
    if flips.any():
        count = int(flips.sum())
        raise ParityError(f"export: {name} and onnxruntime choose differently {count} times; report this as a defect")


def _json(run: Path, name: str) -> Any:
    try:
        return json.loads((run / name).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError("export", "run", run / name, "cannot be read", REMEDY) from error


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    program = "python -m tidegate.agents.ppo.export"
    parser = argparse.ArgumentParser(prog=program, description="Turn a training run into a bundle.")
    parser.add_argument("run", type=Path, help="folder of a finished training run")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the bundle")
    parser.add_argument("--name", help="name of the policy (default: the scenario's)")
    parser.add_argument(
        "--fallback", default=FALLBACK, help=f"rule where the policy cannot answer (default {FALLBACK})"
    )
    options = parser.parse_args(arguments)
    try:
        print(f"wrote {export(options.run, options.out, options.name, options.fallback)}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
