"""Plays worlds: every policy in every world on the same jobs, on all cores, and nothing twice.

The shape of a play is evaluation's: held-out episodes, a warm-up under cost-greedy, cohorts that are played until they
are done, common random numbers. A plan may besides play the whole span of a scenario at once.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.agent import Agent, Player
from ...fastsim.errors import InputError
from ...fastsim.spec import Spec
from ...fastsim.threads import each
from ...fastsim.units import DAY
from ..evaluation.cohort import Chunk
from ..evaluation.episodes import MOST_EPISODES, PIPELINE_TAIL_DAYS, SETTLING_DAYS, TAIL_DAYS, Episode
from ..evaluation.source import Source
from ..rules.catalogue import PLANNERS
from .journal import OVERLOADED, Journal, edition, name_of
from .tally import Tally

WINDOW_DAYS = 28  # of a whole span: a month of four weeks
MOST_WINDOWS = 64  # in one play
KEPT = 3  # tables of jobs: those of a play are met by one world after the other

Progress = Callable[[int, int], Any]  # plays that are done, of how many


class World(NamedTuple):
    """Where policies play."""

    name: str
    scenario: Scenario
    load: float | None = None  # instead of the scenario's, or of the trace's own


class Unit(NamedTuple):
    """What is played at once, and kept as a whole: a policy in a world, from one begin."""

    world: World
    player: Player
    number: int


def whole_span(scenario: Scenario) -> Scenario:
    """The scenario whose only play is all of its span, in months; the first of them follows its warm-up.

    Raises InputError where the span is too short for a month.
    """
    spans, tail = scenario.episodes, PIPELINE_TAIL_DAYS if scenario.pipelines else TAIL_DAYS
    room = spans.span_days - tail - SETTLING_DAYS
    days = WINDOW_DAYS * -(-(room - spans.warm_up_days) // (WINDOW_DAYS * MOST_WINDOWS))
    windows = (room - spans.warm_up_days) // days if days > 0 else 0
    if windows < 1:
        reason = f"leaves no month of {WINDOW_DAYS} days between warm-up and end"
        raise InputError(scenario.name, "span in days", spans.span_days, reason, "leave --whole out")
    update = {"evaluation_days": days, "evaluation_windows": windows, "warm_up_days": room - windows * days}
    episodes = spans.model_copy(update=update | {"horizon_days": min(spans.horizon_days, windows * days)})
    return Scenario.model_validate(scenario.model_copy(update={"episodes": episodes}).model_dump())


@dataclass
class Sweep:
    """Plays of any worlds under one seed; what a journal holds is not played again."""

    journal: Journal
    seed: int
    plays: int  # from different begins, of each policy in each world
    trace: Trace | None = None
    _sources: dict[str, Source] = field(default_factory=dict)
    _jobs: dict[str, Episode] = field(default_factory=dict)
    _drawing: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        if not 1 <= self.plays <= MOST_EPISODES:
            raise InputError("plan", "plays", self.plays, f"is outside 1 to {MOST_EPISODES}", "choose another")

    def source(self, world: World) -> Source:
        """The episodes of a world. Raises InputError where its supply cannot be drawn."""
        name = f"{world.scenario.digest()} {world.load}"
        with self._drawing:
            if name not in self._sources:
                self._sources[name] = Source(world.scenario, self.seed, self.trace, world.load)
            return self._sources[name]

    def check(self, world: World) -> None:
        """Raise InputError for a world, a load or a trace with which nothing can be planned, before anything is played.

        A trace must last a billing period: what is unused of a commitment is known only then.
        """
        self.source(world).check()
        if self.trace is None:
            return
        edges, days = self.episode(world, 0).edges, world.scenario.rules.billing_period_days
        lasts = (int(edges[-1]) - int(self.episode(world, 0).begin)) / DAY
        if lasts < days:
            reason = f"is shorter than the billing period of {float(days):g} days, after which a commitment is trued up"
            remedy = "take a longer recording, or a scenario with a shorter billing_period_days"
            raise InputError("--trace", f"days of {self.trace.source}", f"{lasts:.1f}", reason, remedy)

    def knows(self, world: World, players: Sequence[Player]) -> bool:
        """Whether nothing is left to play."""
        return all(
            self.name(Unit(world, player, number)) in self.journal for number in range(self.plays) for player in players
        )

    def play(
        self,
        worlds: Sequence[World],
        players: Callable[[World], Sequence[Player]],
        progress: Progress = lambda *_: None,
    ) -> Mapping[tuple[str, str], list[Tally] | None]:
        """The tallies of every policy in every world, by the names of both; None: more waited than a world can hold.

        Play by play, and world by world within: so the worlds of a play meet its jobs, which are drawn once. Raises
        InputError where a world cannot be played.
        """
        agents = {world.name: list(players(world)) for world in worlds}
        units = [(number, world) for number in range(self.plays) for world in worlds]
        names = {
            (world.name, agent.name, number): self.name(Unit(world, agent, number))
            for number, world in units
            for agent in agents[world.name]
        }
        missing = [
            (world, number, own)
            for number, world in units
            if (own := [a for a in agents[world.name] if names[world.name, a.name, number] not in self.journal])
        ]
        count, counting = sum(len(own) for _, _, own in missing), Lock()
        done = 0

        def work(index: int) -> None:
            nonlocal done
            world, number, own = missing[index]
            for agent, tally in self._played(world, number, own):
                self.journal.note(names[world.name, agent.name, number], tally)
                with counting:
                    done += 1
                    progress(done, count)

        each(work, len(missing))
        found: dict[tuple[str, str], list[Tally] | None] = {}
        for world in worlds:
            for agent in agents[world.name]:
                tallies = [self.journal.get(names[world.name, agent.name, number]) for number in range(self.plays)]
                known = [tally for tally in tallies if tally is not None]
                found[world.name, agent.name] = known if len(known) == len(tallies) else None
        return found

    def _played(self, world: World, number: int, agents: Sequence[Player]) -> Any:
        """Each agent with its tally, from one warm-up."""
        try:
            chunk = Chunk(self.spec(world), [self.episode(world, number)], overflows=False)
        except InputError as error:
            _pass_on_unless_overloaded(error)
            yield from ((agent, OVERLOADED) for agent in agents)
            return
        begin, sites = int(chunk.episodes[0].edges[0]), len(world.scenario.sites)
        for agent in agents:
            try:
                tally = Tally.of(chunk.play(agent)[0], begin, sites)
            except InputError as error:
                _pass_on_unless_overloaded(error)
                tally = OVERLOADED
            yield agent, tally

    def spec(self, world: World) -> Spec:
        """The compiled world, with the variants of its supply."""
        return self.source(world).spec

    def episode(self, world: World, number: int) -> Episode:
        """Play `number` of a world; worlds that differ in what supplies them share its table of jobs."""
        name, source = f"{work_of(world)} {number}", self.source(world)
        variants = len(source.spec.variants)
        with self._drawing:
            drawn = self._jobs.pop(name, None) or source.episode(number)
            self._jobs[name] = drawn
            while len(self._jobs) > KEPT:
                del self._jobs[next(iter(self._jobs))]
        return drawn._replace(variant=number % variants)

    def name(self, unit: Unit) -> str:
        """What names a play in the journal: all that it depends on."""
        agent = unit.player
        knobs = hashlib.sha256(agent.knobs.tobytes()).hexdigest() if isinstance(agent, Agent) else ""
        return name_of(
            {
                "edition": edition(),
                "world": unit.world.scenario.digest(),
                "load": unit.world.load,
                "trace": self._trace_digest,
                "seed": self.seed,
                "play": unit.number,
                "policy": agent.name,
                "note": agent.note,
                "knobs": knobs,
            }
        )

    @cached_property
    def _trace_digest(self) -> str | None:
        if self.trace is None:
            return None
        content = hashlib.sha256()
        for column in (self.trace.submit_ms, self.trace.gang, self.trace.walltime_ms, self.trace.requested_ms):
            content.update(column.tobytes())
        content.update(repr((self.trace.kinds, self.trace.kind.tolist(), self.trace.user.tolist())).encode())
        return content.hexdigest()


def _pass_on_unless_overloaded(error: InputError) -> None:
    """More waits than a world can hold is an answer; all else is an error."""
    if error.where != "simulator":
        raise error


def work_of(world: World) -> str:
    """What names the jobs that a world meets: all but its supply, in which only names count."""
    scenario = world.scenario
    content = scenario.model_dump(mode="json", include={"episodes", "workload", "classes", "serving", "pipelines"})
    content["names"] = [[one.name, *one.tags] for one in scenario.providers]
    content["silicons"], content["load"] = list(scenario.silicons), world.load
    content["reference"] = [str(scenario.reference_capacity), scenario.reference_accelerators]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Players:
    """Policies by their names, for any world of a plan: rules and bundles as they are for the scenario itself."""

    def __init__(self, scenario: Scenario, where: str, names: Sequence[str]) -> None:
        """Raises InputError for an unknown name, or one that is given twice."""
        from ..evaluation.policies import check_names, resolve

        self.names = list(names)
        resolved = [resolve(name, scenario, where) for name in names]
        check_names(resolved)
        self._fixed = {one.name: one for one in resolved}

    def __call__(self, world: World) -> list[Player]:
        """All of them, in order; those that plan do so for the world at hand."""
        return [PLANNERS[name](world.scenario) if name in PLANNERS else one for name, one in self._fixed.items()]

    def only(self, *names: str) -> "Callable[[World], list[Player]]":
        """Some of them, in the order in which they were given."""
        return lambda world: [one for one in self(world) if one.name in names]

    @property
    def notes(self) -> list[str]:
        """What a reader of their figures must know."""
        return [player.note for player in self._fixed.values() if player.note]
