"""From the name of a policy to an agent: a rule, a bundle that comes with Tidegate, or any other bundle's folder."""

from pathlib import Path

from ...envs.scenario import Scenario
from ...fastsim import observe
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.network import scratch_size
from ...fastsim.spec import MAX_SITES
from ..rules.catalogue import PLANNERS, RULES
from .playing import Player

TRAINED = Path(__file__).parents[2] / "trained"
MANIFEST = "manifest.json"
SCHEMA = {"job": observe.JOB_FEATURES, "clock": observe.CLOCK_FEATURES, "site": observe.SITE_FEATURES}


def shipped() -> list[str]:
    """Names of the bundles that come with Tidegate."""
    return sorted(path.parent.name for path in TRAINED.glob(f"*/{MANIFEST}"))


def resolve(name: str, scenario: Scenario | None = None) -> Player:
    """The agent called `name`; it keeps that name in reports. A rule that plans needs the scenario.

    Raises InputError for an unknown name, a bundle that is not sound, or one that reads another observation; for a rule
    that plans, where no scenario is given, or its solver is not installed.
    """
    if name in RULES:
        return RULES[name]()
    if name in PLANNERS:
        if scenario is None:
            raise InputError("policy", "name", name, "plans for a scenario, and none is given", "give one")
        return PLANNERS[name](scenario)
    if name in shipped():
        return _learned(name, TRAINED / name)
    if Path(name).is_dir():
        return _learned(name, Path(name))
    choices = ", ".join([*RULES, *PLANNERS, *shipped()])
    raise InputError("policy", "name", name, "there is none of this name", f"use {choices}, or the folder of a bundle")


def _learned(name: str, folder: Path) -> Agent:
    """The bundle in `folder` as an agent."""
    from ...fastsim import scorer  # to be compiled, which rules do without
    from ...trained.bundle import load  # brings onnxruntime, which rules do without, too

    bundle = load(folder)
    features = bundle.manifest.observation
    for block, expected in SCHEMA.items():
        found = getattr(features, block)
        if found != expected:
            odd = ", ".join(sorted(set(found) ^ set(expected))[:4]) or "their order"
            reason = f"are not those of this version: {odd}"
            raise InputError(f"policy {name}", f"{block} features", len(found), reason, "export the policy again")
    agent = Agent(name, scorer.choose, bundle.knobs(), observes=True)
    width = bundle.manifest.network.width
    if scratch_size(MAX_SITES, width) > agent.scratch:
        reason = f"needs more than {agent.scratch} numbers to work with"
        raise InputError(f"policy {name}", "network width", width, reason, "train a narrower one")
    return agent
