"""Tune the rules of a scenario: search the knobs of each, then choose the best rule on episodes none was fitted to.

Every candidate plays the same episodes, from copies of the same states, so that two candidates differ by their knobs
and by nothing else.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ...envs.names import check_name
from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ..evaluation.episodes import CHOICE, MOST_EPISODES, TUNING
from ..rules.catalogue import RULES, TUNABLE
from .course import Course
from .journal import Generation, Journal, Record, Settings, continued, save
from .search import Search
from .tuned import Origin, Tuned, TunedRule

GAIN = 0.002  # a cost that is lower by less than this share is no gain

Progress = Callable[[float], object]  # takes the share that is done
Keep = Callable[[str, Record], None]  # takes a rule and what is now known of it


class Finalist(NamedTuple):
    """Knobs between which fresh episodes choose."""

    origin: Origin
    values: tuple[float, ...]  # in the order of the rule's space
    cost: float  # on the tuning episodes


def tune(
    scenario: Scenario, settings: Settings, path: Path, rules: Sequence[str] = (), progress: Progress = lambda _: None
) -> Tuned:
    """The tuned rules of a scenario, written to `path`.

    Beside it lies a journal while this goes on: after an interruption the same call goes on where it stopped, and comes
    to the same result. It is removed at the end.

    Args:
        scenario: The world.
        settings: How much is played.
        path: The file; an older one is replaced.
        rules: Tune and compare these only; none: tune all that have knobs, compare all.
        progress: Told after each candidate.

    Raises:
        InputError: a rule is unknown or has no knobs, the journal is of another tuning, a file cannot be written.
    """
    _check(settings, rules)
    names, at = tuple(dict.fromkeys(rules)) or tuple(RULES), path.with_suffix(".journal.json")
    journal = continued(at, _begun(scenario, settings))
    journal.write(at)  # at once, so that a place that cannot be written shows before any work

    def keep(name: str, record: Record) -> None:
        nonlocal journal
        journal = journal.noting(name, record)
        journal.write(at)

    _play(scenario, settings, names, journal.rules, keep, progress)
    tuned = _chosen(scenario, journal, names)
    save(path, tuned.model_dump_json(indent=1))
    at.unlink()
    return tuned


def _check(settings: Settings, rules: Sequence[str]) -> None:
    """Refuse what cannot be tuned."""
    for name in rules:
        if name not in TUNABLE:
            reason = "it has no knobs" if name in RULES else "there is none of this name"
            raise InputError("tune", "rule", name, reason, f"use {', '.join(TUNABLE)}")
    if 2 * settings.episodes > MOST_EPISODES:
        reason = f"is above {MOST_EPISODES // 2}"
        raise InputError("tune", "episodes", settings.episodes, reason, "choose fewer")
    check_name("tune", "seed", settings.seed)


def _begun(scenario: Scenario, settings: Settings) -> Journal:
    """A journal in which nothing stands."""
    return Journal(scenario=scenario.name, digest=scenario.digest(), version=version("tidegate"), settings=settings)


def _play(
    scenario: Scenario,
    settings: Settings,
    names: Sequence[str],
    known: dict[str, Record],
    keep: Keep,
    progress: Progress,
) -> None:
    """Play the tuning episodes under every rule: with its default knobs, then generation after generation."""
    course = Course(scenario, settings.seed, TUNING, 0, settings.episodes)
    for number, name in enumerate(names):
        record = known.get(name) or Record(default=course.cost(RULES[name]()))
        keep(name, record)
        if RULES[name].is_tunable:
            told = _within(progress, number / len(names), 1 / len(names))
            _search(scenario, settings, course, name, record, keep, told)
        progress((number + 1) / len(names))


def _search(
    scenario: Scenario,
    settings: Settings,
    course: Course,
    name: str,
    record: Record,
    keep: Keep,
    progress: Progress,
) -> None:
    """Go on from what is known of a rule until it is done, then play the centre that its search ended around."""
    search = _search_of(scenario, name, settings.seed, record)
    while not is_done(record, settings):
        told = _within(progress, len(record.curve) / settings.generations, 1 / settings.generations)
        generation = _generation(course, search, name, told)
        record = record.model_copy(update={"generations": (*record.generations, generation)})
        keep(name, record)
    if record.centre is None:
        centre = course.cost(RULES[name].tuned(search.values(search.centre)))
        keep(name, record.model_copy(update={"centre": centre}))


def _search_of(scenario: Scenario, name: str, seed: int, record: Record) -> Search:
    """A rule's search, after the generations that were played."""
    classes = len(scenario.terms)
    search = Search(name, RULES[name].space(classes), RULES[name].defaults(classes), seed)
    for one in record.generations:
        search.again(one.positions, one.costs)
    return search


def is_done(record: Record, settings: Settings) -> bool:
    """As much has been played as may be, or neither the least nor the middle cost falls any more.

    Costs are rugged: a lucky candidate of the first generation may be the least for long, while the search improves.
    """
    curves = (record.curve, record.middle)
    is_over = len(record.generations) >= settings.generations
    return is_over or all(is_flat(curve, settings.patience) for curve in curves)


def is_flat(curve: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` generations have gained nothing."""
    return len(curve) > patience and not curve[-1] < (1 - GAIN) * curve[-1 - patience]


def _generation(course: Course, search: Search, name: str, progress: Progress) -> Generation:
    """One more generation."""
    positions, costs = search.ask(), []
    for number, position in enumerate(positions):
        costs.append(course.cost(RULES[name].tuned(search.values(position))))
        progress((number + 1) / len(positions))
    search.tell(positions, costs)
    return Generation(positions=positions, costs=tuple(costs))


def _within(progress: Progress, begin: float, length: float) -> Progress:
    """Progress of a part of the whole."""
    return lambda share: progress(begin + share * length)


def _chosen(scenario: Scenario, journal: Journal, names: Sequence[str]) -> Tuned:
    """What is written: each rule with the knobs that cost least on fresh episodes, and the best of them."""
    settings = journal.settings
    fresh = Course(scenario, settings.seed, CHOICE, settings.episodes, settings.episodes)
    rules = {name: _judged(scenario, settings.seed, name, journal.rules[name], fresh) for name in names}
    return Tuned(
        scenario=scenario.name,
        digest=journal.digest,
        classes=tuple(cls.name for cls in scenario.terms),
        version=journal.version,
        rules=rules,
        best=min(rules, key=lambda name: rules[name].fresh_cost),
        **settings.model_dump(),
    )


def _judged(scenario: Scenario, seed: int, name: str, record: Record, fresh: Course) -> TunedRule:
    """A rule with those of its finalists' knobs that cost least on fresh episodes; of equals the first."""
    rule, classes = RULES[name], len(scenario.terms)
    finalists = _finalists(scenario, seed, name, record)
    costs = [fresh.cost(rule.tuned(one.values) if one.values else rule()) for one in finalists]
    chosen = costs.index(min(costs))
    knobs = [one.name for one in rule.space(classes)] if rule.is_tunable else []
    return TunedRule(
        knobs=dict(zip(knobs, finalists[chosen].values, strict=True)),
        origin=finalists[chosen].origin,
        cost=finalists[chosen].cost,
        fresh_cost=costs[chosen],
        default_cost=record.default,
        default_fresh_cost=costs[0],
        curve=record.curve,
        evaluations=record.evaluations,
    )


def _finalists(scenario: Scenario, seed: int, name: str, record: Record) -> list[Finalist]:
    """The default knobs first; of a rule that was searched, also the least candidate and the centre."""
    rule = RULES[name]
    if not rule.is_tunable or record.centre is None:
        return [Finalist("default", (), record.default)]
    search = _search_of(scenario, name, seed, record)
    return [
        Finalist("default", rule.defaults(len(scenario.terms)), record.default),
        Finalist("least", search.values(record.best), record.curve[-1]),
        Finalist("centre", search.values(search.centre), record.centre),
    ]
