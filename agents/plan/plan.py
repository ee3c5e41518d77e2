"""A plan: what every size of a commitment costs with and without burst, which is cheapest, and what hangs on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import ValidationError

from ...envs.scenario import Scenario
from ...envs.traces.load import offered_load
from ...fastsim.agent import Player
from ...fastsim.errors import InputError
from ..evaluation.compare import Interval
from . import worlds
from .figures import Cheapest, Played, cheapest
from .levels import ONE, Setting, at, plain
from .margins import Margin, Use, margins, uses, utilisation
from .newsvendor import Newsvendor, demand_of, newsvendor, terms_of
from .shortfall import TrueUp, true_ups
from .sweep import Players, Sweep, World
from .tally import Tally

FIRST_FIT = "first-fit"
BOTH = "both contracts"  # at the chosen level: where contracts and routing are valued
COMMITTED, BURST = "committed only", "burst only"
Progress = Callable[[float, str], Any]  # the share that is done, and with what it goes on
Found = Mapping[tuple[str, str], list[Tally] | None]


class Value(NamedTuple):
    """What something is worth: dollars per week that the bill is higher without it."""

    name: str
    without: Played | None  # the world without it; None: more waits there than a world can hold
    worth: Interval | None  # of the total bill, dollars per week
    avoidable: Interval | None  # the same of the avoidable cost
    share: Interval | None  # of the total bill without it, as a fraction


class Event(NamedTuple):
    """What something that may happen would cost: dollars per week over the span, and over all of it."""

    name: str
    there: Played | None
    bill: Interval | None
    avoidable: Interval | None
    weeks: float  # of the span


class Bar(NamedTuple):
    """One assumption that turns out otherwise, at the chosen point."""

    name: str
    factor: Decimal
    there: Played | None
    bill: Interval | None  # by how much the total bill rises, dollars per week
    avoidable: Interval | None


@dataclass(frozen=True)
class Plan:
    """All of it."""

    scenario: Scenario  # as it is played
    seed: int
    plays: int
    trace: str | None
    load: float | None
    policies: tuple[str, ...]
    settings: tuple[Setting, ...]  # of the grid, those with burst first, levels ascending
    points: Mapping[tuple[Setting, str], Played | None]  # None: more waits than the world can hold
    chosen: Played
    minimum: Cheapest  # among the points of the chosen policy, with or without burst as chosen
    newsvendor: Newsvendor | None  # None: there is nothing to buy beside the commitment
    used: Interval  # of the chosen commitment's time
    uses: tuple[Use, ...]  # between neighbouring points of the chosen curve
    margins: tuple[Margin, ...]  # around the chosen point
    true_ups: tuple[TrueUp, ...]
    contracts: Mapping[str, Played | None]  # at the chosen level, under the chosen policy: both, and each alone
    values: tuple[Value, ...]
    events: tuple[Event, ...]
    bars: tuple[Bar, ...]
    notes: tuple[str, ...]

    @property
    def curve(self) -> list[Played]:
        """The points of the chosen policy, with or without burst as chosen, levels ascending."""
        return self.along(self.chosen.setting.burst, self.chosen.policy)

    def along(self, burst: bool, policy: str) -> list[Played]:
        """Points of one policy, with or without burst; those that have no figures are absent."""
        found = [self.points[one, policy] for one in self.settings if one.burst == burst]
        return [point for point in found if point is not None]


class Planner:
    """Makes a plan step by step; what it plays is kept in the sweep's journal."""

    def __init__(
        self, scenario: Scenario, players: Players, sweep: Sweep, load: float | None, progress: Progress
    ) -> None:
        self.scenario, self.players, self.sweep, self.load = scenario, players, sweep, load
        self.progress, self.notes = progress, list(players.notes)
        self.is_trace = sweep.trace is not None

    def plan(self, levels: Sequence[Decimal], bursts: Sequence[bool]) -> Plan:
        """The grid of levels with and without burst, and all that follows.

        Raises InputError where nothing can be played, or no point has a cost.
        """
        grid = self._grid(levels, bursts)
        for _, world in grid:
            self._check(world, self.players(world))
        points = self._points(grid)
        chosen = self._chosen(points)
        settings = tuple(setting for setting, _ in grid)
        curve = [
            point
            for one in settings
            if one.burst == chosen.setting.burst and (point := points[one, chosen.policy]) is not None
        ]
        place = curve.index(chosen)
        changes = self._changes(chosen)
        found = self._play(changes, chosen.policy, 0.6, 1.0)
        contracts = self._contracts(chosen, found)
        low, high = curve[max(0, place - 1)], curve[min(len(curve) - 1, place + 1)]
        return Plan(
            scenario=self.scenario,
            seed=self.sweep.seed,
            plays=self.sweep.plays,
            trace=None if self.sweep.trace is None else self.sweep.trace.source,
            load=self.load,
            policies=tuple(self.players.names),
            settings=settings,
            points=points,
            chosen=chosen,
            minimum=cheapest(curve),
            newsvendor=self._newsvendor(),
            used=utilisation(self.scenario, chosen),
            uses=tuple(uses(self.scenario, curve)),
            margins=tuple(margins(self.scenario, low, high)) if low is not high else (),
            true_ups=tuple(true_ups(self.scenario, chosen)),
            contracts=contracts,
            values=tuple(self._values(chosen, contracts, found, points)),
            events=tuple(self._events(chosen, found)),
            bars=tuple(self._bars(chosen, found)),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _grid(self, levels: Sequence[Decimal], bursts: Sequence[bool]) -> list[tuple[Setting, World]]:
        """The settings with their worlds; one in which nothing could run is left out."""
        settings = [Setting(level, burst) for burst in bursts for level in levels if level or burst]
        if not settings:
            reason, remedy = "without burst leaves nothing to run on", "give a higher level, or --burst on"
            raise InputError("--commit", "level", 0, reason, remedy)
        if len(settings) < len(levels) * len(bursts):
            self.notes.append("nothing is left to run on where nothing is committed and there is no burst")
        return [(setting, self._world(setting)) for setting in settings]

    def _world(self, setting: Setting, name: str = "", changed: Scenario | None = None) -> World:
        return World(name or setting.words, at(changed or self.scenario, setting), self.load)

    def _points(self, grid: Sequence[tuple[Setting, World]]) -> dict[tuple[Setting, str], Played | None]:
        found = self.sweep.play([world for _, world in grid], self.players, self._told(0.0, 0.6, "levels"))
        return {
            (setting, name): self._at(setting, name, found[world.name, name])
            for setting, world in grid
            for name in self.players.names
        }

    def _at(self, setting: Setting, policy: str, tallies: list[Tally] | None) -> Played | None:
        return None if tallies is None else Played(setting, policy, tallies, self.sweep.seed, self.is_trace)

    def _chosen(self, points: Mapping[tuple[Setting, str], Played | None]) -> Played:
        """The cheapest of all, by total bill."""
        known = [point for point in points.values() if point is not None]
        if not known:
            reason, remedy = "lets more wait than the world can hold", "give higher levels, or --burst on"
            raise InputError(self.scenario.name, "every level", len(points), reason, remedy)
        return min(known, key=lambda point: float(point.bill.sum()))

    def _told(self, begin: float, end: float, phase: str) -> Callable[[int, int], None]:
        return lambda done, count: self.progress(begin + (end - begin) * done / max(count, 1), phase)

    def _play(self, changes: Mapping[str, World], best: str, begin: float, end: float) -> Found:
        """The changed worlds, under the policy that was chosen; where routing is valued, under first-fit too."""
        fixed = Players(self.scenario, self.scenario.name, [FIRST_FIT])

        def players(world: World) -> list[Any]:
            own = self.players.only(best)(world)
            names = {one.name for one in own}
            return own + [one for one in fixed(world) if world.name == BOTH and one.name not in names]

        told = self._told(begin, end, "contracts, events, assumptions")
        return self.sweep.play(list(changes.values()), players, told)

    def _changes(self, chosen: Played) -> dict[str, World]:
        """Every other world that is played, by its name."""
        level = chosen.setting.level
        found = {
            BOTH: self._world(Setting(level, True), BOTH),
            COMMITTED: self._world(Setting(level, False), COMMITTED) if level else None,
            BURST: self._world(Setting(Decimal(0), True), BURST),
        }
        kept = {name: world for name, world in found.items() if world is not None}
        for name, event in worlds.what_ifs(self.scenario):
            if name == worlds.RECALL and not chosen.setting.burst:
                self.notes.append(f"left out: {name}: the chosen point has no burst")
                continue
            self._add(kept, name, chosen, lambda event=event: (event(), self.load))
        for name, factor, made in worlds.assumptions(self.scenario, self._load()):
            self._add(kept, f"{name} × {factor}", chosen, lambda made=made: made()[2:])
        return kept

    def _check(self, world: World, players: Sequence[Player]) -> None:
        """Refuse a world in which nothing can be played, unless all plays are known."""
        if not self.sweep.knows(world, players):
            self.sweep.check(world)

    def _add(
        self,
        kept: dict[str, World],
        name: str,
        chosen: Played,
        made: Callable[[], tuple[Scenario, float | None]],
    ) -> None:
        """Another world, or a note why there is none. Raises InputError for what is wrong beyond that."""
        try:
            changed, load = made()
            world = World(name, at(changed, chosen.setting), self.load if load is None else load)
            self._check(world, self.players.only(chosen.policy)(world))
        except ValidationError as error:
            self.notes.append(f"left out: {name}: {error.errors()[0]['msg']}")
        except InputError as error:
            self.notes.append(f"left out: {name}: {error.what}, {error.value}, {error.reason}")
        else:
            kept[name] = world

    def _load(self) -> float:
        """The load that is planned for."""
        if self.load is not None:
            return self.load
        if self.sweep.trace is None:
            return float(self.scenario.workload.load)
        return offered_load(self.sweep.episode(self._world(Setting(ONE)), 0).jobs, self.scenario)

    def _newsvendor(self) -> Newsvendor | None:
        terms = terms_of(self.scenario)
        if terms is None:
            return None
        world = self._world(Setting(ONE))
        spec = self.sweep.spec(world)
        plays = [demand_of(world.scenario, spec, self.sweep.episode(world, n)) for n in range(self.sweep.plays)]
        return newsvendor(terms, plays, self.sweep.seed)

    def _contracts(self, chosen: Played, found: Found) -> dict[str, Played | None]:
        """Both contracts at the chosen level, and each alone; where nothing is committed, burst."""
        level = chosen.setting.level
        settings = {BOTH: Setting(level), COMMITTED: Setting(level, False), BURST: Setting(Decimal(0))}
        names = (BOTH, COMMITTED, BURST) if level else (BURST,)
        return {name: self._of(found, name, settings[name], chosen.policy) for name in names}

    def _values(
        self,
        chosen: Played,
        contracts: Mapping[str, Played | None],
        found: Found,
        points: Mapping[tuple[Setting, str], Played | None],
    ) -> list[Value]:
        """What each contract is worth beside the other, and good routing beside first-fit, at the chosen level.

        Who may commit to more instead of burst asks another question: beside the cheapest point without burst.
        """
        level, without = chosen.setting.level, []
        if COMMITTED in contracts:
            without.append(("burst, beside the commitment", contracts[COMMITTED]))
        alone = [point for point in points.values() if point is not None and not point.setting.burst]
        if alone and chosen.setting.burst:
            best = min(alone, key=lambda point: float(point.bill.sum()))
            without.append((f"burst, were × {plain(best.setting.level)} committed without it", best))
        if level:
            without.append(("the commitment, beside burst", contracts[BURST]))
        if chosen.policy != FIRST_FIT:
            name = f"routing by {chosen.policy}, beside {FIRST_FIT}"
            without.append((name, self._of(found, BOTH, Setting(level), FIRST_FIT)))
        both = contracts.get(BOTH, contracts[BURST])
        return [_value(name, other, both) for name, other in without]

    def _of(self, found: Found, name: str, setting: Setting, policy: str) -> Played | None:
        return self._at(setting, policy, found.get((name, policy)))

    def _events(self, chosen: Played, found: Found) -> list[Event]:
        weeks = self.scenario.episodes.span_days / 7
        names = [name for name, _ in worlds.what_ifs(self.scenario) if (name, chosen.policy) in found]
        events = []
        for name in names:
            there = self._of(found, name, chosen.setting, chosen.policy)
            events.append(Event(name, there, *_dearer(there, chosen), weeks))
        return events

    def _bars(self, chosen: Played, found: Found) -> list[Bar]:
        bars = []
        for name, factor, _ in worlds.assumptions(self.scenario, 1.0):
            if (f"{name} × {factor}", chosen.policy) in found:
                there = self._of(found, f"{name} × {factor}", chosen.setting, chosen.policy)
                bars.append(Bar(name, factor, there, *_dearer(there, chosen)))
        return bars


def _dearer(there: Played | None, chosen: Played) -> tuple[Interval | None, Interval | None]:
    """By how much a changed world is dearer than the chosen point: total bill, and avoidable cost."""
    if there is None:
        return None, None
    return there.more_than(chosen), there.more_than(chosen, "avoidable")


def _value(name: str, without: Played | None, both: Played | None) -> Value:
    if without is None or both is None:
        return Value(name, without, None, None, None)
    return Value(name, without, without.more_than(both), without.more_than(both, "avoidable"), without.saved_by(both))
