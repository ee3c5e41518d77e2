"""The file of tuned rules that lies beside a scenario: knobs, costs, curves, and which rule is best.

It names the scenario's digest: knobs that were fitted to another world are refused. A scenario without a file of its
own may use that of its base, whose classes it must share.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from ...envs.explain import explained
from ...envs.scenario import FOLDER, Scenario, base_of, load, path_of
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ..rules.catalogue import RULES
from .flat import is_flat
from .journal import Cost, Journal, Part, read_text

SUFFIX = ".tuned.json"

# least: of the candidate of least cost; centre: where the search ended
Origin = Literal["default", "least", "centre"]


class TunedRule(Part):
    """One rule: what was found, and what it costs in dollars per week, on the tuning episodes and on fresh ones."""

    knobs: dict[str, float]  # in the order of the rule's space; a rule without any has none
    origin: Origin  # which knobs these are: of the three, those that cost least on fresh episodes
    cost: Cost
    fresh_cost: Cost
    default_cost: Cost
    default_fresh_cost: Cost
    curve: tuple[Cost, ...] = ()  # least cost on the tuning episodes by generation
    evaluations: int = Field(default=0, ge=0)  # knobs played on the tuning episodes, besides the default ones
    is_flat: bool | None = None  # whether its search ended since its costs were flat; None: there was none, or unknown


class Tuned(Part):
    """The rules of one scenario."""

    format: Literal[1] = 1
    scenario: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")  # of the scenario
    classes: tuple[str, ...]  # of the scenario, in the order of their numbers
    seed: int
    episodes: int  # of tuning; as many fresh ones
    generations: int  # at most, for each rule
    patience: int
    version: str  # of Tidegate
    rules: dict[str, TunedRule] = Field(min_length=1)
    best: str  # the rule that costs least on fresh episodes

    @model_validator(mode="after")
    def _rules_are_known(self) -> Self:
        """Each rule exists in this version, with these knobs."""
        remedy = "tune again with this version"
        for name, rule in self.rules.items():
            if name not in RULES:
                raise InputError("rules", "rule", name, "there is none of this name", remedy)
            is_tunable = RULES[name].is_tunable
            known = [one.name for one in RULES[name].space(len(self.classes))] if is_tunable else []
            if list(rule.knobs) != known:
                raise InputError(f"rules.{name}", "knobs", ", ".join(rule.knobs), "are not those of the rule", remedy)
        if self.best not in self.rules:
            raise InputError("best", "rule", self.best, "it is not among the rules", remedy)
        return self

    def is_flat(self, rule: str) -> bool | None:
        """Whether a rule's search ended since its costs were flat; None: there was none, or it is not known.

        Where the file does not say: nothing else ends a search before the last generation, and after it only the least
        cost is known, which may be flat while the medians fall.
        """
        found = self.rules[rule]
        if found.is_flat is not None or not found.curve:
            return found.is_flat
        if len(found.curve) < self.generations:
            return True
        return None if is_flat(found.curve, self.patience) else False

    def fits(self, rule: str, scenario: Scenario) -> bool:
        """Whether a rule can play a scenario: one with a knob for each class needs the same classes."""
        own = RULES[rule]
        has_class_knobs = own.is_tunable and len(own.space(1)) != len(own.space(2))
        return not has_class_knobs or self.classes == tuple(cls.name for cls in scenario.terms)

    def agent(self, rule: str) -> Agent:
        """One of the rules with its knobs; InputError where the file does not hold it."""
        if rule not in self.rules:
            reason = f"it was not tuned for {self.scenario}"
            raise InputError("policy", "rule", rule, reason, f"use {', '.join(self.rules)}, or tune again")
        knobs = self.rules[rule].knobs
        return RULES[rule].tuned(tuple(knobs.values())) if knobs else RULES[rule]()


class Found(NamedTuple):
    """Tuned rules for a scenario, and whose they are."""

    tuned: Tuned
    is_of_base: bool  # they were tuned for the scenario that this one is based on


def place_of(name_or_path: str | Path) -> Path:
    """Where the tuned rules of a scenario lie: beside its file."""
    return path_of(name_or_path).with_suffix(SUFFIX)


def is_tuned(name_or_path: str | Path, scenario: Scenario) -> bool:
    """Whether there are tuned rules for a scenario: its own, or those of the nearest base that has any."""
    at: Path | None = path_of(name_or_path)
    while at is not None and not at.with_suffix(SUFFIX).exists():
        at = base_of(at)
    if at is None or at == path_of(name_or_path):
        return at is not None
    return _read(at.with_suffix(SUFFIX)).classes == tuple(cls.name for cls in scenario.terms)


def load_tuned(name_or_path: str | Path, scenario: Scenario, file: Path | None = None) -> Found:
    """The tuned rules of a scenario, which is what `name_or_path` holds: its own, or those of the nearest base.

    With a `file`, those that it holds, which may be of the scenario or any of its bases.

    Raises InputError where there are none, where they are of another world than the file beside which they lie holds
    now, or where the base has other classes.
    """
    if file is not None:
        return _in_file(file, name_or_path, scenario)
    at: Path | None = path_of(name_or_path)
    while at is not None and not at.with_suffix(SUFFIX).exists():
        at = base_of(at)
    if at is None:
        remedy = f"run: tidegate tune {name_or_path}"
        raise InputError("tuned rules", "scenario", name_or_path, "none were tuned for it or for its base", remedy)
    is_own = at == path_of(name_or_path)
    tuned = _read(at.with_suffix(SUFFIX))
    _check_digest(at, tuned, scenario if is_own else load(at))
    if not is_own:
        _check_classes(tuned, name_or_path, scenario)
    return Found(tuned, not is_own)


def _in_file(file: Path, name_or_path: str | Path, scenario: Scenario) -> Found:
    """The tuned rules of a file that lies anywhere."""
    if not file.is_file():
        remedy = f"run: tidegate tune {name_or_path} --out {file}"
        raise InputError("tuned rules", "file", file, "there is none of this name", remedy)
    tuned = _read(file)
    if tuned.digest == scenario.digest():
        return Found(tuned, False)
    base = base_of(name_or_path)
    while base is not None and load(base).digest() != tuned.digest:
        base = base_of(base)
    if base is None:
        reason = f"it was made for another scenario than {scenario.name} now is, {scenario.digest()[:16]}"
        remedy = f"tune again: tidegate tune {name_or_path} --out {file}"
        raise InputError(str(file), "digest", tuned.digest[:16], reason, remedy)
    _check_classes(tuned, name_or_path, scenario)
    return Found(tuned, True)


def _check_classes(tuned: Tuned, name_or_path: str | Path, scenario: Scenario) -> None:
    """Refuse the tuned rules of a base with other classes."""
    if tuned.classes != tuple(cls.name for cls in scenario.terms):
        reason = f"its classes are not those of its base, {tuned.scenario}, whose rules were tuned"
        raise InputError("tuned rules", "scenario", scenario.name, reason, f"run: tidegate tune {name_or_path}")


def others_in(path: Path, begun: Journal, rules: Sequence[str]) -> dict[str, TunedRule]:
    """What stays of an older file when some `rules` are tuned anew, as `begun` says: all others.

    Raises InputError where they were tuned in another way: what they cost could not be compared.
    """
    if not path.exists():
        return {}
    remedy = "name another file with --out, or tune all rules"
    try:
        older = _read(path)
    except InputError as error:
        raise InputError(error.where, error.what, error.value, error.reason, remedy) from None
    others = [name for name in older.rules if name not in rules]
    wanted = {name: getattr(begun, name) for name in ("scenario", "digest", "version")} | begun.settings.model_dump()
    for what, value in wanted.items():
        if others and getattr(older, what) != value:
            reason = f"its other rules were not tuned with {value}"
            raise InputError(str(path), what, getattr(older, what), reason, remedy)
    return {name: older.rules[name].model_copy(update={"is_flat": older.is_flat(name)}) for name in others}


def _read(path: Path) -> Tuned:
    """What the file says. Raises InputError where it is none."""
    try:
        return Tuned.model_validate_json(read_text(path))
    except ValidationError as error:
        raise explained(error, str(path)) from None


def _check_digest(at: Path, tuned: Tuned, scenario: Scenario) -> None:
    if tuned.digest != scenario.digest():
        reason = f"it was made for another state of {scenario.name}, which now is {scenario.digest()[:16]}"
        remedy = f"tune again: tidegate tune {at.stem if at.parent == FOLDER else at}"
        raise InputError(str(at.with_suffix(SUFFIX)), "digest", tuned.digest[:16], reason, remedy)
