"""A router's decisions again, from its log: the same states, the same questions, and the answers must be the same.

What was known of other decisions is known again, so each is compared whole: what was observed, what policy and baseline
would have done, who decided, and why.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.present import parsed, present
from ...envs.scenario import Scenario
from ...envs.tabled import Names
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.jit import IS_COMPILED
from ...trained.bundle import Bundle
from . import audit
from .audit import Entry
from .cluster import Cluster, Instant
from .engine import Engine
from .memory import Recent, carry_out
from .request import Request

COMPARED = ("action", "by", "why", "policy", "baseline", "observation")
Progress = Callable[[float], Any]  # takes the share that is over


class Difference(NamedTuple):
    """One field of a decision that came out otherwise."""

    number: int
    job: str
    field: str
    logged: str
    replayed: str


class Replayed(NamedTuple):
    """What a replay came to."""

    decisions: int
    states: int
    differences: list[Difference]


def replay(
    path: Path,
    scenario: Scenario,
    bundles: Sequence[Bundle],
    baseline_of: Callable[[str], Agent],
    progress: Progress = lambda _: None,
    *,
    by_graph: bool = not IS_COMPILED,
) -> Replayed:
    """Replay a log. `bundles`: all that were in service; `baseline_of` gives the agent of a name.

    `by_graph`: onnxruntime answers for the policy, and not the kernel.

    Raises InputError where the log is none, is of another scenario, or names a bundle that is not there.
    """
    log = audit.opened(path, read_only=True)
    try:
        return _Replay(log, scenario, bundles, baseline_of, path, by_graph).run(progress)
    finally:
        log.close()


class _Replay:
    def __init__(
        self,
        log: Any,
        scenario: Scenario,
        bundles: Sequence[Bundle],
        baseline_of: Callable[[str], Agent],
        path: Path,
        by_graph: bool,
    ) -> None:
        self.log, self.scenario, self.path, self.spec = log, scenario, path, scenario.compile()
        self.names = Names(scenario)
        self.bundles = {one.manifest.digest: one for one in bundles}
        self.baseline_of, self.by_graph = baseline_of, by_graph
        self.entries = audit.entries(log)
        self.by_number = {entry.number: entry for entry in self.entries}
        self.turns = audit.events(log, "started", "bundle")
        self.quotas: dict[str, int] = {}
        self.baseline: Agent | None = None
        self.engine: Engine | None = None

    def run(self, progress: Progress) -> Replayed:
        differences, states, done = list[Difference](), 0, 0
        for number, asked in groupby(self.entries, lambda entry: entry.state):
            questions = [list(group) for _, group in groupby(asked, lambda entry: entry.question)]
            self._turn(questions[0][0].number)
            cluster = self._cluster(number, sum(map(len, questions)))
            states += 1
            for question in questions:
                self._turn(question[0].number)
                differences += self._compared(cluster, question)
                done += len(question)
                progress(done / len(self.entries))
        return Replayed(done, states, differences)

    def _turn(self, number: int) -> None:
        """What happened to the router before this decision happens: it was started, or took over a bundle."""
        while self.turns and self.turns[0][1]["after"] < number:
            kind, detail = self.turns.pop(0)
            if kind == "started":
                self._start(detail)
            else:
                self._take_over(detail)

    def _start(self, detail: dict[str, Any]) -> None:
        if detail["scenario"] != self.scenario.digest():
            reason = f"is not that of the log, {detail['scenario'][:16]}"
            raise InputError("replay", "scenario", self.scenario.digest()[:16], reason, "name the one of then")
        self.quotas, self.baseline = detail["quotas"], self.baseline_of(detail["baseline"])

    def _take_over(self, detail: dict[str, Any]) -> None:
        bundle = self.bundles.get(detail["bundle"])
        if bundle is None:
            reason, remedy = f"has digest {detail['bundle'][:16]}, and is not given", "name its folder with --bundle"
            raise InputError("replay", "bundle", detail["name"], reason, remedy)
        assert self.baseline is not None
        self.engine = Engine(bundle, self.baseline, by_graph=self.by_graph)

    def _cluster(self, number: int, spare: int) -> Cluster:
        """The cluster of a state, with what was carried out in it first, and room for what comes."""
        told = audit.state(self.log, number)
        if told is None or self.baseline is None:
            raise InputError("replay", "state", number, f"is not in {self.path}", "name a log that is whole")
        snapshot = parsed(told.snapshot, f"{self.path}: state {number}")
        standing = present(snapshot, self.scenario, self.spec)
        cluster = Cluster(self.names, Instant.of(standing), self.quotas, spare + len(told.again))
        carry_out(cluster, [Recent.of(self.by_number[earlier]) for earlier in told.again], self.baseline)
        return cluster

    def _compared(self, cluster: Cluster, question: list[Entry]) -> Iterator[Difference]:
        assert self.engine is not None
        self.engine.share = question[0].share
        requests = [Request.model_validate_json(entry.request) for entry in question]
        for entry, found in zip(question, self.engine.decide(cluster, requests), strict=True):
            for name in COMPARED:
                logged, replayed = getattr(entry, name), getattr(found, name)
                if logged != replayed:
                    yield Difference(entry.number, entry.job, name, logged, replayed)
