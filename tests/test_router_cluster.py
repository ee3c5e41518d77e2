"""The router's cluster: a question is an offer of the simulator, and no policy gets past what is allowed."""

import pickle

import numpy as np
import pytest

from tidegate.agents.router.cluster import BusyJobError, Cluster, Comer, FullError, Instant, UnknownJobError
from tidegate.agents.router.engine import BASELINE, POLICY, Engine, is_the_policys, legal
from tidegate.agents.router.request import Request
from tidegate.envs.present import footprint_of, present, taken
from tidegate.envs.tabled import Names
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.state import EMPTY, OFFERS, ROWS, SCRATCH, SLOT_MASK
from tidegate.fastsim.worlds import Worlds

from .agents_at_random import seeing_agent
from .toy_router import asked, at_offers, bundle, job, rule, scenario, snapshot, step

INSTANTS = 40 if IS_COMPILED else 2
STEPS = 50_000 if IS_COMPILED else 20


def cluster(**options: object) -> Cluster:
    return Cluster(Names(scenario()), Instant.of(present(snapshot(), scenario())), **options)  # type: ignore[arg-type]


def place_of(found: Cluster, name: str) -> str:
    """Where a job waits, starts or runs."""
    live = found.worlds.batch.live[0]
    (slot,) = np.flatnonzero((live.job == found._rows[name]) & (live.status != EMPTY))
    return found.actions[int(live[slot].site)]


def settle(found: Cluster, agent: Agent) -> None:
    """Carry out the last answer and let start what may; `agent` answers for who had to make way for it."""
    while (offer := found.offer(agent, agent)) is not None:
        found.answer(offer.first)


def repeated(found: Cluster, request: Request, action: str, agent: Agent) -> bool:
    """A decision that was made elsewhere, carried out as a question that has this answer; whether it was to be."""
    if found.site_of(request.id) == action:
        return False
    try:
        found.ask([request])
    except InputError:
        return False
    if found.offer(agent, agent) is not None:
        found.answer(found.actions.index(action))
    settle(found, agent)
    return True


def parts(found: Cluster) -> list[np.ndarray]:
    """All that a cluster is; who only asks leaves something in SCRATCH."""
    world = found.instant.world
    keys = world["keys"][:, np.arange(ROWS) != SCRATCH]
    return [found.instant.jobs, keys, *(world[name] for name in ("state", "live", "heads", "entries", "blocks"))]


def offered(worlds: Worlds) -> list[str]:
    """The jobs that are offered at this instant and have not answered."""
    state = worlds.state()
    keys = worlds.batch.keys[0, OFFERS, int(state.offer) : int(state.offers)]
    return [str(int(worlds.batch.live[0, int(key) & SLOT_MASK].job)) for key in keys]


@pytest.mark.parametrize("agent", [rule(), seeing_agent(1)], ids=["rule", "anything legal"])
def test_a_question_is_what_the_simulator_asks(agent: Agent) -> None:
    """All offers of an instant: the same order, observations and masks to the last bit, each after those before it."""
    worlds, several = at_offers(), 0
    for _ in range(INSTANTS):
        names = offered(worlds)
        several += len(names) > 1
        found = Cluster(Names(scenario()), Instant.of(present(taken(worlds, scenario()), scenario())))
        found.ask([Request(id=name) for name in reversed(names)])
        for name in names:
            offer = found.offer(agent, rule())
            assert offer is not None and offer.id == name
            np.testing.assert_array_equal(offer.observation, worlds.observations[0])
            np.testing.assert_array_equal(offer.mask, worlds.masks[0] == 1)
            action = int(worlds.ask(rule())[0])
            assert offer.second == action
            found.answer(action)
            assert step(worlds, np.array([action]))
        assert found.offer(agent, rule()) is None
    assert several > 0


def test_jobs_that_come_later_see_those_before_them() -> None:
    found, waits = cluster(), []
    for number in range(30):
        found.ask([asked(f"new{number}")])
        offer = found.offer(rule(), rule())
        assert offer is not None
        waits.append(offer.observation.copy())
        found.answer(0)
        settle(found, rule())
    assert len({one.tobytes() for one in waits}) == len(waits)
    assert found.site_of("new29") == found.actions[0]


@pytest.mark.parametrize("agent", [rule(), seeing_agent(1)], ids=["rule", "what it sees"])
@pytest.mark.parametrize("seed", [1, 2])
def test_decisions_that_are_carried_out_together_are_those_carried_out_one_by_one(agent: Agent, seed: int) -> None:
    """The worlds agree to the last bit: jobs come, move, wait no more, are unheard of, too many."""
    rng, quotas = np.random.default_rng(seed), {"spot": 200, "on_demand": 400}
    together, singly = (cluster(spare=100, quotas=quotas) for _ in range(2))
    known = [one.id for one in snapshot().jobs]
    for _ in range(20 if IS_COMPILED else 2):
        requests = []
        for _ in range(int(rng.integers(0, 30))):
            new = asked(f"new{rng.integers(0, 300)}", like=int(rng.integers(0, 5)))
            assert new.job is not None
            others = [
                {"id": str(rng.choice(known)), "job": None},
                {"job": None},
                {"job": new.job.model_copy(update={"job_class": "unheard"})},
                {"job": new.job.model_copy(update={"pipeline": "p"})},
            ]
            requests.append(new if rng.random() < 0.5 else new.model_copy(update=others[int(rng.integers(0, 4))]))
        actions = [str(rng.choice(together.actions)) for _ in requests]
        comers = [Comer.of(one, together.names) for one in requests]
        is_done = together.repeat(comers, actions, agent)
        assert is_done == [repeated(singly, *one, agent) for one in zip(requests, actions, strict=True)]
        assert together.instant.ids == singly.instant.ids
        for one, other in zip(parts(together), parts(singly), strict=True):
            assert one.tobytes() == other.tobytes()
    assert not IS_COMPILED or together.rows == len(together.worlds.jobs)  # no room for the last


def test_a_newer_state_in_the_memory_of_an_older_one_is_the_same() -> None:
    """However much has happened there, of whatever snapshot, and though another process has stood it."""
    engine = Engine(bundle(), rule(), 1.0)
    used = Cluster(Names(scenario()), Instant.of(present(snapshot(4), scenario())), spare=400)
    for number in range(300):
        engine.decide(used, [asked(f"old{number}", like=number % 5)])
    instant = pickle.loads(pickle.dumps(Instant.of(present(snapshot(), scenario()))))
    anew, again = (Cluster(Names(scenario()), instant, spare=300, free=free) for free in (None, used.worlds))
    assert again.worlds is used.worlds and anew.worlds is not used.worlds
    waiting = [one.id for one in snapshot().jobs if anew.site_of(one.id) is not None]
    for number in range(300):
        known = [Request(id=name) for name in waiting[number : number + 1] if anew.site_of(name) is not None]
        requests = [asked(f"new{number}", like=number % 5), *known]
        engines = [Engine(bundle(), rule(), 1.0) for _ in range(2)]
        assert engines[0].decide(anew, requests) == engines[1].decide(again, requests)
    wider = Cluster(Names(scenario()), instant, spare=2000, free=used.worlds)
    assert wider.worlds is not used.worlds  # it would not suffice


def test_who_cannot_be_asked_about_is_refused_and_nobody_else_is_asked() -> None:
    found = cluster(spare=2)
    running = next(one.id for one in snapshot().jobs if one.status == "running")
    before = found.worlds.kept()
    for wrong, kind in ((Request(id="nobody"), UnknownJobError), (Request(id=running), BusyJobError)):
        with pytest.raises(kind):
            found.ask([asked("new"), wrong])
    with pytest.raises(FullError):
        found.ask([asked(f"n{number}") for number in range(3)])
    strange = Request(id="new", job=job("new").model_copy(update={"job_class": "unheard"}))
    with pytest.raises(InputError, match="class, unheard, the scenario has none of this name"):
        found.ask([asked("other"), strange])
    after = found.worlds.kept()
    assert all((before[name] == after[name]).all() for name in ("state", "live", "keys"))
    assert found.offer(rule(), rule()) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_no_policy_breaks_a_hard_rule(seed: int) -> None:
    """Illegal, absurd and random answers: a job goes only where its tags are, where it fits, and where a quota lets it.

    What is allowed is worked out here anew, from the scenario and the jobs.
    """
    world, rng = scenario(), np.random.default_rng(seed)
    sites = {site.name: (place, site.provider) for place, site in enumerate(world.sites)}
    tags = {provider.name: set(provider.tags) for provider in world.providers}
    here = {one.name: one for one in snapshot().sites}
    largest = {name: max([one.largest, *(step.capacity for step in one.announced)]) for name, one in here.items()}
    held = {name: sum(one.gang for one in snapshot().jobs if one.site == name) for name in sites}
    quotas = {name: held[name] + 16 for name in ("on_demand", "spot")}
    waiting = [one.id for one in snapshot().jobs if one.status in ("queued", "held")]
    placed, steps = set[str](), 0
    while steps < STEPS // 2:
        found, jobs = cluster(quotas=quotas, spare=400), {one.id: one for one in snapshot().jobs}
        for number in range(200):
            again = str(rng.choice(waiting))
            request = asked(f"new{number}", like=int(rng.integers(0, 5)))
            if rng.random() < 0.5 and found.site_of(again) is not None:
                request = Request(id=again)
            elif request.job is not None:
                jobs[request.id] = request.job
            found.ask([request])
            offer = found.offer(rule(), rule())
            assert offer is not None
            wanted = int(rng.choice([*range(-3, len(world.sites) + 4), 10**9]))
            found.answer(wanted if rng.random() < 0.9 else legal(wanted, offer.mask))
            settle(found, rule())
            where = place_of(found, request.id)
            if where in sites:
                placed.add(where)
                place, provider = sites[where]
                assert set(jobs[request.id].tags) <= tags[provider]
                assert footprint_of(found.worlds.spec, jobs[request.id].gang, place) <= largest[where]
            state = found.worlds.state()
            for name, quota in quotas.items():
                place, _ = sites[name]
                taken_there = int(state.occupied[place]) + int(state.queued_accelerators[place].sum())
                assert taken_there <= quota
            steps += 1
    assert placed == set(sites)


def test_a_quota_that_is_full_leaves_hold() -> None:
    found = cluster(quotas=dict.fromkeys((site.name for site in scenario().sites), 0))
    found.ask([asked("new")])
    offer = found.offer(rule(), rule())
    assert offer is not None
    assert offer.mask.tolist() == [False] * len(scenario().sites) + [True]


def test_a_share_grows_job_by_job() -> None:
    names = [f"job{number}" for number in range(4000)]
    chosen = [{name for name in names if is_the_policys(name, share)} for share in (0.0, 0.1, 0.5, 1.0)]
    assert [len(one) / len(names) for one in chosen] == pytest.approx([0, 0.1, 0.5, 1], abs=0.02)
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]


def test_what_is_not_legal_stands_for_what_is() -> None:
    mask = np.array([False, True, True, False])
    assert [legal(action, mask) for action in (-1, 0, 1, 2, 3, 9)] == [1, 1, 1, 2, 1, 1]
    mask[-1] = True
    assert [legal(action, mask) for action in (-1, 0, 1, 2, 3, 9)] == [3, 3, 1, 2, 3, 3]


def test_the_policy_decides_in_its_share_and_the_baseline_elsewhere() -> None:
    for share, by in ((0.0, BASELINE), (1.0, POLICY)):
        engine, found = Engine(bundle(), rule(), share), cluster(spare=400)
        decisions = [engine.decide(found, [asked(f"new{number}")])[0] for number in range(40)]
        assert {one.by for one in decisions} == {by}
        told = {(one.action, one.policy if by == POLICY else one.baseline) for one in decisions}
        assert all(action == other for action, other in told)


def test_a_policy_that_has_no_answer_is_replaced_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise InputError("bundle", "logits", "nan", "not finite", "use the rule")

    engine = Engine(bundle(), rule(), 1.0, by_graph=True)
    monkeypatch.setattr(type(engine.bundle), "decide", broken)
    (decision,) = engine.decide(cluster(), [asked("new")])
    assert (decision.by, decision.policy) == (BASELINE, "")
    assert decision.why == "unsound: logits, nan, not finite"
    monkeypatch.setattr(type(engine.bundle), "decide", lambda *_: -1)
    (decision,) = engine.decide(cluster(), [asked("new")])
    assert (decision.by, decision.why) == (BASELINE, "unsound: it has no legal answer")


def test_with_numba_and_without_the_policy_decides_alike() -> None:
    found = [cluster(spare=400) for _ in range(2)]
    engines = [Engine(bundle(), rule(), 1.0, by_graph=by_graph) for by_graph in (False, True)]
    for number in range(300):
        decisions = [
            engine.decide(one, [asked(f"new{number}", like=number % 5)])
            for engine, one in zip(engines, found, strict=True)
        ]
        assert decisions[0] == decisions[1]
