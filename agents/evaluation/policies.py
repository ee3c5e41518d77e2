"""From the name of a policy to an agent.

It is that of a rule, `tuned:` and a rule, `best-tuned`, `chosen`, that of a bundle that comes with Tidegate, or any
other bundle's folder. Behind the tuned and the chosen `@` and a file may stand: one that does not lie beside its
scenario; or, behind the tuned, the name of another scenario: knobs that were fitted to that one.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...envs.scenario import Scenario, load, names
from ...fastsim import observe
from ...fastsim.agent import Agent, Player
from ...fastsim.errors import InputError
from ...fastsim.network import scratch_size
from ...fastsim.spec import MAX_SITES
from ..choosing.chosen import Chosen
from ..choosing.chosen import place_of as place_of_choice
from ..rules import cost_greedy
from ..rules.catalogue import PLANNERS, RULES
from ..tuning.tuned import load_tuned

TUNED, BEST, CHOSEN, IN = "tuned:", "best-tuned", "chosen", "@"
TRAINED = Path(__file__).parents[2] / "trained"
MANIFEST = "manifest.json"
SCHEMA = {"job": observe.JOB_FEATURES, "clock": observe.CLOCK_FEATURES, "site": observe.SITE_FEATURES}


def shipped() -> list[str]:
    """Names of the bundles that come with Tidegate."""
    return sorted(path.parent.name for path in TRAINED.glob(f"*/{MANIFEST}"))


def resolve(name: str, scenario: Scenario | None = None, where: str | Path | None = None) -> Player:
    """The agent called `name`; it keeps that name in reports.

    Args:
        name: Of a policy. A rule has its default knobs; `tuned:RULE` has those that were tuned for the scenario, and
            `best-tuned` is the best of these: the agent's note says which, and where its knobs come from. With `@FILE`
            behind them they are those of a file, with the name of another scenario those of that one. `chosen` is what
            `tidegate choose` came to for the scenario, or, with `@FILE`, what stands in that file.
        scenario: The world at hand, for tuned rules.
        where: Its name or file, beside which the tuned rules lie; None: the scenario's name.

    Raises:
        InputError: an unknown name, a bundle that is not sound, or one that reads another observation, tuned rules that
            are not there or are of another world.
    """
    if name in RULES:
        return RULES[name]()
    if name in PLANNERS:
        if scenario is None:
            raise InputError("policy", "name", name, "plans for a scenario, and none is given", "give one")
        return PLANNERS[name](scenario)
    if name.partition(IN)[0] == BEST or name.startswith(TUNED):
        return _tuned(name, scenario, where)
    if name.partition(IN)[0] == CHOSEN:
        return _chosen(name, scenario, where)
    if name in shipped():
        return _learned(name, TRAINED / name)
    if Path(name).is_dir():
        if members := seeds_in(Path(name)):
            reason = f"holds the bundles of {len(members)} training seeds, and one policy is asked for"
            raise InputError("policy", "folder", name, reason, f"name one of them, such as {members[0]}")
        return _learned(name, Path(name))
    choices = ", ".join([*RULES, *PLANNERS, *shipped(), f"{TUNED}RULE", BEST, CHOSEN])
    raise InputError("policy", "name", name, "there is none of this name", f"use {choices}, or the folder of a bundle")


def best_rule(scenario: Any) -> Agent:
    """The best tuned rule, or cost-greedy where none is tuned for the scenario."""
    if not isinstance(scenario, Scenario):
        return cost_greedy.agent()
    try:
        return _tuned(BEST, scenario, None)
    except InputError:
        return cost_greedy.agent()


def resolve_all(
    names: Sequence[str], scenario: Scenario | None = None, where: str | Path | None = None
) -> tuple[list[Player], dict[str, tuple[str, ...]]]:
    """The agents of several names; and which of them differ by their training seed only, by the name of their group.

    A folder whose folders are bundles, or hold one called `bundle`, is a group: one bundle for each training seed.
    Raises InputError where `resolve` does, for a name that is given twice, and for a group that comes first.
    """
    agents: list[Player] = []
    groups = {}
    for name in names:
        members = seeds_in(Path(name))
        if members and not agents:
            reason = f"holds the bundles of {len(members)} training seeds, and what comes first is one policy"
            raise InputError("policy", "folder", name, reason, "name a rule, or one of the bundles, before it")
        if members:
            groups[name] = tuple(str(path) for path in members)
        agents += [resolve(str(one), scenario, where) for one in members or [name]]
    check_names(agents)
    return agents, groups


def check_names(agents: Sequence[Player]) -> None:
    """Refuse what is named twice: figures go by name."""
    names = [agent.name for agent in agents]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError("policies", "policy", name, "is given twice", "name each once")


def seeds_in(folder: Path) -> list[Path]:
    """The bundles of several training seeds that lie in a folder, by name; none if it is a bundle itself."""
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return []
    found = [(path, path / "bundle") for path in sorted(folder.iterdir()) if path.is_dir()]
    return [one for pair in found for one in pair if (one / MANIFEST).exists()]


def _tuned(name: str, scenario: Scenario | None, where: str | Path | None) -> Agent:
    """A rule with the knobs that were tuned for the scenario, or for its base."""
    if scenario is None:
        raise InputError("policy", "name", name, "knobs are tuned for a scenario, and none is given", "give one")
    asked, has_file, file = name.partition(IN)
    place = scenario.name if where is None else where
    is_elsewhere = file in names() and not Path(file).exists()
    if is_elsewhere:
        tuned, is_of_base = load_tuned(file, load(file)).tuned, False
    else:
        tuned, is_of_base = load_tuned(place, scenario, Path(file) if has_file else None)
    rule = tuned.best if asked == BEST else asked.removeprefix(TUNED)
    if rule not in RULES:
        reason = "there is none of this name"
        raise InputError("policy", "rule", rule, reason, f"use {TUNED} and one of {', '.join(tuned.rules)}")
    agent = tuned.agent(rule)  # raises where the file does not hold it
    if is_elsewhere and not tuned.fits(rule, scenario):
        reason = f"has a knob for each class, and those of {file} are not those of {scenario.name}"
        raise InputError("policy", "rule", name, reason, "name another rule")
    source = f"{tuned.scenario}, the base of {scenario.name}" if is_of_base else tuned.scenario
    knobs = "its default knobs, which tuning did not better" if tuned.rules[rule].origin == "default" else "knobs tuned"
    note = f"{name} is {rule} with {knobs} for {source}, on {tuned.episodes} episodes of seed {tuned.seed}"
    return replace(agent, name=name, note=note)


def _chosen(name: str, scenario: Scenario | None, where: str | Path | None) -> Agent:
    """What was chosen for the scenario."""
    if scenario is None:
        raise InputError("policy", "name", name, "is chosen for a scenario, and none is given", "give one")
    place = scenario.name if where is None else where
    _, has_file, file = name.partition(IN)
    path = Path(file) if has_file else place_of_choice(place)
    if not path.is_file():
        remedy = f"run: tidegate choose {place}" + (f" --out {file}" if has_file else "")
        raise InputError("policy", "choice", name, f"none was made: there is no {path.name}", remedy)
    choice = Chosen.read(path)
    agent = resolve(choice.policy, scenario, where)
    assert isinstance(agent, Agent)  # planners take no part in a choice
    choice.check(path, scenario, agent)
    return replace(agent, name=name, note=choice.note)


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
