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
from .lock import alone
from .meter import MAKING, Meter, Progress
from .search import Search
from .tuned import Origin, Tuned, TunedRule, others_in

Keep = Callable[[str, Record], None]  # takes a rule and what is now known of it


class Finalist(NamedTuple):
    """Knobs between which fresh episodes choose."""

    origin: Origin
    values: tuple[float, ...]  # in the order of the rule's space
    cost: float  # on the tuning episodes


def tune(
    scenario: Scenario, settings: Settings, path: Path, rules: Sequence[str] = (), progress: Progress = lambda *_: None
) -> Tuned:
    """The tuned rules of a scenario, written to `path`.

    Beside it lies a journal while this goes on: after an interruption the same call goes on where it stopped, and comes
    to the same result. It is removed at the end, but for one that holds what other rules have come to so far.

    Args:
        scenario: The world.
        settings: How much is played.
        path: The file; an older one is replaced.
        rules: Tune these only, and compare them with what an older file says of others; none: tune all that have knobs,
            compare all.
        progress: Told after each play of a course.

    Raises:
        InputError: a rule is unknown or has no knobs, the journal is of another tuning, the other rules of an older
            file were tuned in another way, another tuning writes the file, a file cannot be written.
    """
    _check(settings, rules)
    names, begun = tuple(dict.fromkeys(rules)) or tuple(RULES), _begun(scenario, settings)
    with alone(path):
        others = others_in(path, begun, names) if rules else {}
        at = journal_of(path)
        journal = continued(at, begun)
        journal.write(at)  # at once, so that a place that cannot be written shows before any work

        def keep(name: str, record: Record) -> None:
            nonlocal journal
            journal = journal.noting(name, record)
            journal.write(at)

        meter = Meter(progress, _most_plays(scenario, settings, names))
        _play(scenario, settings, names, journal.rules, keep, meter)
        tuned = _chosen(scenario, journal, names, others, meter)
        save(path, tuned.model_dump_json(indent=1))
        if journal.rules.keys() <= tuned.rules.keys():
            at.unlink(missing_ok=True)
    return tuned


def journal_of(path: Path) -> Path:
    """Where the journal of a file of tuned rules lies."""
    return path.with_suffix(".journal.json")


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


def _most_plays(scenario: Scenario, settings: Settings, names: Sequence[str]) -> int:
    """Plays of courses, if no search ends early: of each rule with its default knobs, of candidates, of finalists."""
    plays = 2 * (MAKING + len(names))
    for name in names:
        if RULES[name].is_tunable:  # the centre once on each course, the least candidate on the fresh one
            plays += settings.generations * _search_of(scenario, name, settings.seed).candidates + 3
    return plays


def _play(
    scenario: Scenario,
    settings: Settings,
    names: Sequence[str],
    known: dict[str, Record],
    keep: Keep,
    meter: Meter,
) -> None:
    """Play the tuning episodes under every rule: with its default knobs, then generation after generation."""
    meter.begin("warming up")
    course = Course(scenario, settings.seed, TUNING, 0, settings.episodes)
    meter.played(MAKING)
    for name in names:
        meter.begin(f"searching {name}" if RULES[name].is_tunable else f"playing {name}")
        record = known.get(name) or Record(default=course.cost(RULES[name]()))
        keep(name, record)
        meter.played()
        if RULES[name].is_tunable:
            _search(scenario, settings, course, name, record, keep, meter)


def _search(
    scenario: Scenario,
    settings: Settings,
    course: Course,
    name: str,
    record: Record,
    keep: Keep,
    meter: Meter,
) -> None:
    """Go on from what is known of a rule until it is done, then play the centre that its search ended around."""
    search = _search_of(scenario, name, settings.seed, record.generations)
    meter.played(len(record.generations) * search.candidates)
    while not is_done(record, settings):
        generation = _generation(course, search, name, meter)
        record = record.model_copy(update={"generations": (*record.generations, generation)})
        keep(name, record)
    meter.spared((settings.generations - len(record.generations)) * search.candidates)
    if record.centre is None:
        centre = course.cost(RULES[name].tuned(search.values(search.centre)))
        keep(name, record.model_copy(update={"centre": centre}))
    meter.played()


def _search_of(scenario: Scenario, name: str, seed: int, generations: Sequence[Generation] = ()) -> Search:
    """A rule's search, after the generations that were played."""
    classes = len(scenario.terms)
    search = Search(name, RULES[name].space(classes), RULES[name].defaults(classes), seed)
    for one in generations:
        search.again(one.positions, one.costs)
    return search


def is_done(record: Record, settings: Settings) -> bool:
    """As much has been played as may be, or neither the least nor the middle cost falls any more."""
    return len(record.generations) >= settings.generations or record.is_flat(settings.patience)


def _generation(course: Course, search: Search, name: str, meter: Meter) -> Generation:
    """One more generation."""
    positions, costs = search.ask(), []
    for position in positions:
        costs.append(course.cost(RULES[name].tuned(search.values(position))))
        meter.played()
    search.tell(positions, costs)
    return Generation(positions=positions, costs=tuple(costs))


def _chosen(
    scenario: Scenario, journal: Journal, names: Sequence[str], others: dict[str, TunedRule], meter: Meter
) -> Tuned:
    """What is written: rules with the knobs that cost least on fresh episodes, and the best of them and `others`."""
    settings = journal.settings
    meter.begin("warming up fresh episodes")
    fresh = Course(scenario, settings.seed, CHOICE, settings.episodes, settings.episodes)
    meter.played(MAKING)
    judged = dict(others)
    for name in names:
        meter.begin(f"choosing for {name}")
        judged[name] = _judged(scenario, settings, name, journal.rules[name], fresh, meter)
    rules = {name: judged[name] for name in RULES if name in judged}
    return Tuned(
        scenario=scenario.name,
        digest=journal.digest,
        classes=tuple(cls.name for cls in scenario.terms),
        version=journal.version,
        rules=rules,
        best=min(rules, key=lambda name: rules[name].fresh_cost),
        **settings.model_dump(),
    )


def _judged(
    scenario: Scenario, settings: Settings, name: str, record: Record, fresh: Course, meter: Meter
) -> TunedRule:
    """A rule with those of its finalists' knobs that cost least on fresh episodes; of equals the first."""
    rule, classes, costs = RULES[name], len(scenario.terms), []
    finalists = _finalists(scenario, settings.seed, name, record)
    for one in finalists:
        costs.append(fresh.cost(rule.tuned(one.values) if one.values else rule()))
        meter.played()
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
        is_flat=record.is_flat(settings.patience) if rule.is_tunable else None,
    )


def _finalists(scenario: Scenario, seed: int, name: str, record: Record) -> list[Finalist]:
    """The default knobs first; of a rule that was searched, also the least candidate and the centre."""
    rule = RULES[name]
    if not rule.is_tunable or record.centre is None:
        return [Finalist("default", (), record.default)]
    search = _search_of(scenario, name, seed, record.generations)
    return [
        Finalist("default", rule.defaults(len(scenario.terms)), record.default),
        Finalist("least", search.values(record.best), record.curve[-1]),
        Finalist("centre", search.values(search.centre), record.centre),
    ]
