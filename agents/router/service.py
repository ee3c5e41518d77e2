"""The router without its protocol: it takes states and questions, and answers when the log holds the answer.

One event loop decides everything, one question after the other. What takes long is done elsewhere: snapshots are taken
in, and decisions judged, in processes of their own (standing.py), and the log commits in a thread (audit.py). While the
log cannot be written the baseline answers alone, and says so.
"""

import asyncio
import time
from concurrent.futures import BrokenExecutor
from typing import Any

from ...envs.scenario import Scenario
from ...envs.tabled import Names
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.worlds import Worlds
from ...trained.bundle import Bundle
from .admission import Admission, Limits
from .audit import Entry, Log, Row, decision_row, event_row, state_row
from .cluster import HOLD, Cluster
from .engine import Decision, Engine
from .gate import SHARE, Gate
from .judge import case_of
from .memory import Memory, carry_out
from .metrics import Metrics
from .parcel import unpacked
from .refusal import CONFLICT, NOT_FOUND, UNAVAILABLE, Refusal, refusal, refused
from .request import Request, Route, written
from .standing import Beside, Standing, judge, stand

AT_ONCE = 8  # decisions that are carried out in a new state before others are answered, and two for each new one
BREATH_SECONDS = 0.001  # for those others
JUDGE_SEED = 20_261
Answer = tuple[Entry, bool]  # and whether the log holds it


class Service:
    """One router for one cluster."""

    def __init__(
        self,
        cluster: str,
        scenario: Scenario,
        bundle: Bundle,
        baseline: Agent,
        log: Log,
        *,
        quotas: dict[str, int],
        limits: Limits,
        standing: Beside,
        judging: Beside | None,
    ) -> None:
        """`standing` takes in snapshots, `judging` judges; without the second nothing is judged."""
        self.name, self.scenario, self.log, self.limits = cluster, scenario, log, limits
        self.metrics = Metrics((*(site.name for site in scenario.sites), HOLD))
        self.is_ready, self.is_audited = True, True
        self.cluster: Cluster | None = None
        self._baseline, self._quotas, self._standing, self._judging = baseline, quotas, standing, judging
        self._admission, self._states = Admission(limits), asyncio.Lock()
        self._state, self._last = log.last_state, log.last_decision
        self._told: Standing | None = None
        self._names = Names(scenario)
        self._came, self._row = 0.0, list[Row]()
        self._recent = Memory()
        self._free: Worlds | None = None  # of the state before this one, for the next
        self._under_way: dict[tuple[str, int], tuple[str, asyncio.Future[Answer]]] = {}
        self._case: asyncio.Task[None] | None = None
        self._cases = 0
        self._losses = 0  # how often the log has lost decisions
        terms = {"cluster": cluster, "scenario": scenario.digest(), "baseline": baseline.name, "quotas": quotas}
        self._note([event_row("started", {"after": self._last, **terms})])
        self.take_over(bundle)

    # The policy --------------------------------------------------------------------------------------------------

    def take_over(self, bundle: Bundle) -> None:
        """From now on this bundle is the policy, with the share that the log gives it."""
        self.gate = Gate.found(self.log, bundle.manifest.digest)
        self._knobs = bundle.knobs()
        self.engine = Engine(bundle, self._baseline, differ=self._differ)
        detail = {"after": self._last, "bundle": bundle.manifest.digest, "name": bundle.manifest.name}
        self._note([event_row("bundle", detail)])
        self.metrics.info.clear()
        self.metrics.info.labels(bundle.manifest.name, bundle.manifest.digest[:16]).set(1)
        self._show_gate()

    def refuse_bundle(self, error: InputError) -> None:
        """A bundle was not sound: the one in service stays."""
        self.metrics.bad_bundles.inc()
        self._note([event_row("bad_bundle", {"reason": str(error)[:400]})])

    def give_share(self, share: float, by: str) -> None:
        """A person gives the policy a share of the jobs."""
        self._note([event_row(SHARE, self.gate.give(share, by))])
        self._show_gate()

    def _differ(self, cluster: Cluster) -> None:
        """Policy and baseline differ: it is judged what that costs, if anything is, and nothing else just now."""
        self.metrics.differing.inc()
        if self._judging is not None and (self._case is None or self._case.done()):
            self._cases += 1
            self._case = asyncio.ensure_future(self._judge(case_of(cluster, self._knobs), self.gate, self._cases))

    async def _judge(self, case: Any, gate: Gate, number: int) -> None:
        assert self._judging is not None
        try:
            found = await self._judging.run(judge, case, JUDGE_SEED, number)
        except BrokenExecutor:
            self._note([event_row("judge_died", {"instant": number})])
            return
        if found is None or gate is not self.gate:  # it cannot be told, or is of a bundle before
            return
        self.metrics.judged.inc()
        self._note([event_row(*one) for one in gate.judge(found)])
        self._show_gate()

    def _show_gate(self) -> None:
        self.metrics.share.set(self.gate.share)
        self.metrics.is_stopped.set(self.gate.is_stopped)
        self.metrics.comparisons.set(self.gate.evidence.count)
        low, high = self.gate.evidence.interval
        for name, value in (("mean", self.gate.evidence.mean), ("low", low), ("high", high)):
            self.metrics.difference.labels(name).set(value)

    def _note(self, events: list[Row]) -> None:
        """Write down what happened to the router; where that fails, decisions tell."""
        self.log.add(events, lambda error: self.metrics.audit_failures.inc() if error else None)

    # The state ---------------------------------------------------------------------------------------------------

    async def take_state(self, content: bytes) -> dict[str, Any]:
        """A newer snapshot takes the place of the last. Raises Refusal."""
        async with self._states:
            losses, told = self._losses, self._recent.told(self.log.path)
            try:
                parcel = await self._standing.run(stand, content, told, self._quotas)
            except BrokenExecutor:
                reason = "has died of it, and another has begun"
                raise refusal(UNAVAILABLE, "router", "process", "standing", reason, "send the next state") from None
            if isinstance(parcel, InputError):
                raise refused(parcel)
            found: Standing = unpacked(parcel)
            if found.cluster != self.name:
                raise self._stranger("snapshot", found.cluster)
            await self._stand(found, losses)
        return {
            "cluster": self.name,
            "state": found.digest,
            "now_ms": found.instant.now,
            "jobs": sum(name != "" for name in found.instant.ids),
        }

    async def _stand(self, told: Standing, losses: int) -> None:
        """A new cluster, in which what it could not show yet is carried out, while the old one still answers."""
        now, last, seen, again = told.instant.now, told.last, self._last, [*told.again]
        news = self._recent.news(now, last)
        free, self._free = self._free, None
        spare = self.limits.spare + len(news)
        cluster = await asyncio.to_thread(Cluster, self._names, told.ahead, self._quotas, spare, free)
        while news or (news := self._recent.news(now, last)):  # again and again: more is decided meanwhile
            count, seen = AT_ONCE + 2 * (self._last - seen), self._last
            part, news = news[:count], news[count:]
            last = part[-1].number
            again += carry_out(cluster, part, self._baseline)
            if news:
                await asyncio.sleep(BREATH_SECONDS)
        if losses != self._losses:  # the log has lost decisions meanwhile, on which nothing may rest
            cluster, again = Cluster(self._names, told.instant, self._quotas, self.limits.spare), []
        self._free = None if self.cluster is None else self.cluster.worlds
        self.cluster, self._told, self._came = cluster, told, time.monotonic()
        self._state += 1
        self._row = [state_row(self._state, told.digest, told.deflated, again)]

    @property
    def _clock(self) -> int:
        """Now on the clock of the snapshots [ms]; 0 before the first."""
        return 0 if self.cluster is None else self.cluster.now + round((self.age or 0.0) * 1000)

    @property
    def age(self) -> float | None:
        """Seconds since the state came; None: there is none."""
        return None if self.cluster is None else time.monotonic() - self._came

    @property
    def waiting(self) -> int:
        """Decisions that wait for the log."""
        return len(self._under_way)

    # The question ------------------------------------------------------------------------------------------------

    async def route(self, question: Route) -> list[Answer]:
        """Decide, or find what was decided, in the order of the question. Raises Refusal."""
        if not self.is_ready:
            raise refusal(UNAVAILABLE, "router", "state", "draining", "is about to end", "ask again later")
        if question.cluster != self.name:
            raise self._stranger("request", question.cluster)
        known = {one.id: self._known(one) for one in question.requests}
        fresh = [one for one in question.requests if known[one.id] is None]
        if fresh:
            known.update(self._decided(fresh))
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                return [await asyncio.shield(known[one.id]) for one in question.requests]  # type: ignore[arg-type]
        except TimeoutError:
            reason = f"has not taken the answer within {self.limits.answer_seconds:g} s"
            raise refusal(UNAVAILABLE, "router", "audit log", self.log.path, reason, "ask again") from None

    def _known(self, request: Request) -> "asyncio.Future[Answer] | None":
        """What was decided, or is being written down, of this attempt."""
        if (request.id, request.attempt) in self._under_way:
            before, future = self._under_way[request.id, request.attempt]
        elif (entry := self.log.found(self.name, request.id, request.attempt)) is not None:
            before, future = written(Request.model_validate_json(entry.request)), _answered(entry)
        else:
            return None
        if before != written(request):
            reason, remedy = "was asked about in other words before", f"ask about attempt {request.attempt + 1}"
            raise refusal(CONFLICT, f"request: job {request.id}", "attempt", request.attempt, reason, remedy)
        self.metrics.repeated.inc()
        return future

    def _decided(self, requests: list[Request]) -> "dict[str, asyncio.Future[Answer]]":
        """Decide about jobs, and have it written down."""
        self._admission.admit(len(requests), self.waiting, self.age)
        assert self.cluster is not None
        self.engine.share = self.gate.share if self.is_audited else 0.0
        try:
            decisions = self.engine.decide(self.cluster, requests)
        except InputError as error:
            raise refused(error) from None
        loop, at = asyncio.get_running_loop(), self._clock
        entries = self._entries(decisions, requests)
        futures: list[asyncio.Future[Answer]] = [loop.create_future() for _ in entries]
        for entry, request, future in zip(entries, requests, futures, strict=True):
            self._under_way[request.id, request.attempt] = entry.request, future
            self._recent.add(entry, at)
            self.metrics.decisions.labels(entry.by, entry.action).inc()
            self.metrics.unfamiliar.inc(entry.policy == "")
        if self.is_audited:
            self._write(entries, futures)
        else:
            self._answer_alone(entries, futures)
        return {one.id: future for one, future in zip(requests, futures, strict=True)}

    def _entries(self, decisions: list[Decision], requests: list[Request]) -> list[Entry]:
        """The log's rows of decisions on one question."""
        question, now, bundle = self._last + 1, time.time(), self.engine.bundle.manifest.digest
        self._last += len(decisions)
        return [
            Entry(
                number=question + place,
                at=now,
                cluster=self.name,
                job=one.id,
                attempt=one.attempt,
                state=self._state,
                question=question,
                request=written(request),
                action=one.action,
                by=one.by,
                why=one.why,
                policy=one.policy,
                baseline=one.baseline,
                observation=one.observation,
                share=one.share,
                bundle=bundle,
            )
            for place, (one, request) in enumerate(zip(decisions, requests, strict=True))
        ]

    def _write(self, entries: list[Entry], futures: "list[asyncio.Future[Answer]]") -> None:
        """Give decisions to the log; they are told when it has them."""
        loop, state = asyncio.get_running_loop(), self._state

        def done(error: Exception | None) -> None:
            loop.call_soon_threadsafe(self._written, entries, futures, state, error)

        self.log.add([*self._row, *(decision_row(entry) for entry in entries)], done)

    def _written(
        self, entries: list[Entry], futures: "list[asyncio.Future[Answer]]", state: int, error: Exception | None
    ) -> None:
        """The log has committed decisions, which are told; or it could not, and they are forgotten."""
        for entry, future in zip(entries, futures, strict=True):
            self._under_way.pop((entry.job, entry.attempt), None)
            if error is None:
                future.set_result((entry, True))
                continue
            reason, remedy = f"cannot be written: {error}", "ask again: until it can, the baseline answers alone"
            future.set_exception(refusal(UNAVAILABLE, "router", "audit log", self.log.path, reason, remedy))
            future.exception()  # nobody may be waiting any more
        if error is not None:
            self._lose_log()
        elif state == self._state:
            self._row = []  # it is there

    def _lose_log(self) -> None:
        """The log does not know of some decisions, so the next ones must not rest on them: the state is told anew."""
        self.metrics.audit_failures.inc()
        self.is_audited = False
        self.metrics.is_unaudited.set(1)
        self._tell_anew()

    def _tell_anew(self) -> None:
        """The last snapshot again, as a state of its own, without what has been decided since."""
        self._recent.clear()
        self._losses += 1
        if self._told is not None:
            self.cluster = Cluster(self._names, self._told.instant, self._quotas, self.limits.spare)
            self._state += 1
            self._row = [state_row(self._state, self._told.digest, self._told.deflated, ())]

    def _answer_alone(self, entries: list[Entry], futures: "list[asyncio.Future[Answer]]") -> None:
        """The baseline's decisions are told though the log does not have them; and it is tried again."""
        for entry, future in zip(entries, futures, strict=True):
            self._under_way.pop((entry.job, entry.attempt), None)
            future.set_result((entry, False))
        loop = asyncio.get_running_loop()

        def done(error: Exception | None) -> None:
            loop.call_soon_threadsafe(self._tried, error)

        self.log.add([event_row("unaudited", {"decisions": len(entries)})], done)

    def _tried(self, error: Exception | None) -> None:
        if error is None and not self.is_audited:
            self.is_audited = True
            self.metrics.is_unaudited.set(0)
            self._tell_anew()
            self.take_over(self.engine.bundle)  # what it has seen meanwhile is in no log

    def _stranger(self, where: str, name: str) -> Refusal:
        return refusal(NOT_FOUND, where, "cluster", name, f"is not this router's, {self.name}", "ask its own router")

    def close(self) -> None:
        """Have everything written down; the processes are the caller's."""
        self.is_ready = False
        if self._case is not None:
            self._case.cancel()
        self.log.close()


def _answered(entry: Entry) -> "asyncio.Future[Answer]":
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    future.set_result((entry, True))
    return future
