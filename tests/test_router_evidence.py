"""When a policy is stopped: bad ones are, good ones are not, and what was found is found again after a restart."""

import asyncio
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents.router import engine, judge, service
from tidegate.agents.router.audit import Log, event_row
from tidegate.agents.router.evidence import FEWEST, Evidence
from tidegate.agents.router.gate import Gate, stage_of
from tidegate.agents.router.judge import Case, difference
from tidegate.agents.router.request import parsed
from tidegate.agents.router.service import Service
from tidegate.fastsim import scorer
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.network import pack, weight_shapes

from .toy_router import asked, at_offers, bundle, content, question, rule, run, scenario, step

RUNS, LOOKS = 400, 400
BAD = 50  # planted, in the soak
MOST = 100  # clusters, in each of which one instant is judged, until a bad policy has lost its share


def test_looking_all_the_time_stops_hardly_any_policy_that_is_no_worse() -> None:
    """Differences without a mean, normal ones and such with tails like those of costs."""
    rng, stopped = np.random.default_rng(1), {}
    for name, draw in (
        ("normal", lambda: rng.normal(size=LOOKS)),
        ("heavy", lambda: rng.standard_t(3, size=LOOKS)),
        ("mostly nothing", lambda: rng.normal(size=LOOKS) * (rng.random(LOOKS) < 0.2)),
    ):
        stopped[name] = sum(is_stopped(draw()) for _ in range(RUNS)) / RUNS
    assert max(stopped.values()) <= 0.02, stopped


def test_what_costs_more_is_stopped_the_sooner_the_more_it_costs() -> None:
    rng = np.random.default_rng(2)
    looks = [np.median([first(rng.normal(mean, 1, 4000)) for _ in range(40)]) for mean in (0.25, 0.5, 1.0)]
    assert looks[0] > looks[1] > looks[2] >= FEWEST
    assert looks[0] < 400


def is_stopped(differences: np.ndarray) -> bool:
    return first(differences) < math.inf


def first(differences: np.ndarray) -> float:
    """After how many differences the verdict is that it costs more."""
    evidence = Evidence()
    for number, one in enumerate(differences, 1):
        evidence.add(float(one))
        if evidence.verdict == "worse":
            return number
    return math.inf


def test_the_mean_and_the_interval_are_those_of_the_formula() -> None:
    evidence, values = Evidence(), [1.0, 4.0, -2.0, 3.5]
    for one in values:
        evidence.add(one)
    assert evidence.mean == pytest.approx(np.mean(values))
    n, deviation, alpha = 4, np.std(values, ddof=1), 0.01
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / 100
    wide = deviation * math.sqrt(2 * (n * rho2 + 1) / (n * n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha))
    assert evidence.interval == pytest.approx((np.mean(values) - wide, np.mean(values) + wide))
    assert Evidence().interval == (-math.inf, math.inf)
    assert evidence.verdict == "open"


def test_a_gate_is_found_as_the_log_left_it(tmp_path: Path) -> None:
    log = Log(tmp_path / "audit.db")
    gate = Gate.found(log, "this")
    events: list[Any] = [("share", gate.give(0.5, "test"))]
    for one in range(40):
        events += gate.judge(1.0 + one % 3)
    assert (gate.share, gate.is_stopped) == (0.0, True)
    assert [kind for kind, _ in events].count("stopped") == 1
    events.append(("share", {"bundle": "another", "share": 1.0, "by": "test"}))
    log.add([event_row(*one) for one in events], lambda _: None)
    log.close()
    log = Log(tmp_path / "audit.db")
    again = Gate.found(log, "this")
    assert (again.share, again.is_stopped, again.evidence) == (gate.share, gate.is_stopped, gate.evidence)
    assert Gate.found(log, "another").share == 1.0
    assert Gate.found(log, "new").told() == Gate(log, "new").told()
    again.give(0.1, "test")
    assert (again.share, again.is_stopped, again.evidence.count) == (0.1, False, 0)
    log.close()


def test_the_share_has_a_stage() -> None:
    assert [stage_of(share) for share in (0.0, 0.01, 1.0)] == ["shadow", "share", "all"]


def judged(knobs: np.ndarray, seed: int, most: int) -> Evidence:
    """Instants of up to `most` simulated clusters under the rule are judged, until a policy is stopped."""
    policy, evidence = Agent("policy", scorer.choose, knobs, observes=True), Evidence()
    for number in range(most):
        worlds = at_offers(seed + number)
        if comes_to_differ(worlds, policy):
            case = Case(worlds.spec, worlds.jobs, worlds.kept(), knobs)
            evidence.add(difference(case, scenario(), rule(), seed, evidence.count))
            if evidence.verdict == "worse":
                break
    return evidence


def comes_to_differ(worlds: Any, policy: Agent) -> bool:
    """Play a cluster under the rule until the policy would decide otherwise; whether it ever would."""
    while int(worlds.ask(policy)[0]) == int(worlds.ask(rule())[0]):
        if not step(worlds, worlds.ask(rule())):
            return False
    return True


def bad(number: int) -> np.ndarray:
    """Knobs of a bad policy: a network nobody has taught, or one that has been taught and then spoilt."""
    rng, layout = np.random.default_rng(number), bundle().layout
    if number % 2:
        weights = {name: one.copy() for name, one in bundle().weights.items()}
        weights["sharpness"] *= -1  # what looks best is worst
        weights["score_out"] += rng.normal(0, 0.1, weights["score_out"].shape).astype(np.float32)
        return pack(weights, layout.job, layout.clock, layout.site, bundle().manifest.network.width)
    shapes = weight_shapes(layout.job, layout.clock, layout.site, 4)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return pack(weights, layout.job, layout.clock, layout.site, 4)


@pytest.mark.skipif(not IS_COMPILED, reason="plays hundreds of weeks")
@pytest.mark.parametrize("number", [0, 1])
def test_a_planted_bad_policy_is_stopped(number: int) -> None:
    assert judged(bad(number), number, MOST).verdict == "worse"


@pytest.mark.soak
@pytest.mark.parametrize("number", range(BAD))
def test_every_planted_bad_policy_is_stopped(number: int) -> None:
    assert judged(bad(number), number, MOST).verdict == "worse"


@pytest.mark.skipif(not IS_COMPILED, reason="plays hundreds of weeks")
def test_the_policy_that_ships_is_not_stopped() -> None:
    evidence = judged(bundle().knobs(), 1, 2 * FEWEST)
    assert evidence.verdict != "worse"


def test_the_same_case_is_judged_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "HOURS", 24)
    worlds = at_offers()
    case = Case(worlds.spec, worlds.jobs, worlds.kept(), bad(0))
    found = [difference(case, scenario(), rule(), 1, number) for number in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_a_router_judges_beside_its_service_and_takes_the_share_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "judge", lambda case, seed, number: 5.0 + number % 3)
    monkeypatch.setattr(engine.Engine, "_heard", lambda self, offer, attempt: (other(self, offer), "familiar"))

    def other(self: engine.Engine, offer: Any) -> int:
        return int(np.flatnonzero(offer.mask)[-1])

    async def body(router: Service) -> None:
        router.give_share(1.0, "test")
        number = 0
        while not router.gate.is_stopped:
            await router.route(parsed(question(asked(f"job{number}"))))
            await asyncio.sleep(0.001)
            number += 1
            if number % 50 == 0:
                await router.take_state(content())
        (entry, _), *_ = await router.route(parsed(question(asked("after"))))
        assert (entry.by, entry.share) == ("baseline", 0.0)
        assert router.metrics.registry.get_sample_value("tidegate_stopped") == 1
        assert router.gate.told()["verdict"] == "worse"

    run(tmp_path / "audit.db", body, judges=True)
