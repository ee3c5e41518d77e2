"""The daemon between a Slurm and a router in memory: killed anywhere, and with a clock that tests turn."""

import itertools
import logging

import pytest

from tidegate.agents.slurm import daemon as daemon_module
from tidegate.agents.slurm.book import Entry, alone, read_book
from tidegate.agents.slurm.router import HOLD
from tidegate.agents.slurm.watchdog import rescue
from tidegate.agents.slurm.wire import AwayError, RefusedError
from tidegate.envs.present import present
from tidegate.envs.snapshot import Snapshot
from tidegate.fastsim.errors import InputError

from .fake_slurm import Bench, Killed


def spread(key: str, attempt: int) -> str:
    return "burst" if int(key) % 3 == 0 else "committed"


def strike_after(count: int):
    """Lets `count` strikes pass, and kills at the next one; later ones pass."""
    left = itertools.count(count, -1)

    def strike() -> None:
        if next(left) == 0:
            raise Killed

    return strike


def played(bench: Bench, at: int, monkeypatch) -> bool:
    """Play until all jobs have gone, killed at the `at`th place where it can be; whether there was such a place."""
    strike, write, was_killed = strike_after(at), daemon_module.write_book, False

    def write_and_strike(path, book):
        strike()
        path.write_text(book.model_dump_json())  # whole or not at all: that `write_book` sees to
        strike()

    monkeypatch.setattr(daemon_module, "write_book", write_and_strike)
    bench.slurm.strike = bench.router.strike = strike
    for _ in range(15):  # sooner than anything is asked about again
        try:
            bench.daemon.step()
        except Killed:
            was_killed = True
            bench.begin()
        bench.slurm.now += 0.3
    monkeypatch.setattr(daemon_module, "write_book", write)
    return was_killed


def test_a_daemon_that_is_killed_anywhere_sends_every_job_where_the_router_said_and_asks_once_more_at_most(
    tmp_path, monkeypatch
):
    killed = 0
    for at in itertools.count():
        folder = tmp_path / str(at)
        folder.mkdir()
        bench = Bench(folder, spread)
        for number in range(1, 7):
            bench.slurm.submit(str(number))
        bench.slurm.submit("7", priority=0, state_reason="JobHeldUser", comment="tidegate", eligible_time=0)
        was_killed = played(bench, at, monkeypatch)
        assert bench.slurm.where() == {str(n): spread(str(n), 1) for n in range(1, 8)}, at
        assert {attempt for _, attempt in bench.router.asked} == {1}, at
        assert len(bench.router.asked) <= 14, at
        killed += was_killed
        if not was_killed:
            break
    assert killed > 30


def test_nobody_waits_longer_than_the_deadline_for_a_router_that_is_away(tmp_path, caplog):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.router.is_away = True
    bench.slurm.submit("1")
    bench.steps(27)
    assert bench.slurm.where() == {"1": "gate"}
    with caplog.at_level(logging.WARNING):
        bench.steps(4)
    assert bench.slurm.where() == {"1": "committed"}
    assert "job 1: committed, attempt 0, by watchdog: no answer for 2" in caplog.text
    assert min(bench.router.allowed) >= 0.5 and max(bench.router.allowed) <= 30


def test_a_router_that_comes_back_is_asked_with_the_first_attempt(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.router.is_away = True
    bench.slurm.submit("1")
    bench.steps(40)
    bench.router.is_away = False
    bench.steps(10)
    assert bench.slurm.where() == {"1": "burst"}
    assert bench.router.asked[0] == ("1", 1)


def test_a_hold_is_kept_and_asked_about_again_by_the_rules_of_offers(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    bench.slurm.submit("1")
    bench.steps(60)
    assert bench.slurm.where() == {"1": "gate"} and bench.slurm.orders == []
    attempts = [attempt for _, attempt in bench.router.asked]
    assert attempts == list(range(1, len(attempts) + 1))
    assert 9 <= len(attempts) <= 11  # offers every 3 s, the same job no sooner than after 5
    assert bench.router.states[-1]["jobs"][0]["status"] == "held"
    assert bench.router.states[-1]["jobs"][0]["attempts"] == len(attempts) - 1


def test_no_hold_outlives_the_longest_one(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    longest = bench.world.scenario.rules.times["max_hold"] / 1000
    bench.slurm.submit("1")
    bench.steps(20)
    bench.slurm.now += longest - 40
    bench.steps(10)
    assert bench.slurm.where() == {"1": "gate"}
    bench.slurm.now += 10
    bench.steps(10)
    assert bench.slurm.where() == {"1": "committed"}


def test_a_router_that_dies_while_a_job_is_held_lets_it_go(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    bench.slurm.submit("1")
    bench.steps(10)
    bench.router.is_away = True
    bench.steps(45)
    assert bench.slurm.where() == {"1": "committed"}


def test_a_queued_job_is_asked_about_again_and_moved_and_one_that_runs_is_not(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "committed" if attempt < 3 else "burst")
    bench.slurm.submit("1")
    bench.slurm.submit("2")
    bench.steps(2)
    bench.slurm.start("2")
    bench.steps(20)
    assert bench.slurm.where() == {"1": "burst", "2": "committed"}
    assert ("2", 2) not in bench.router.asked
    assert bench.slurm.orders.count(("move", "1", "burst")) == 1


def test_a_queued_job_may_go_back_into_the_gate(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD if attempt == 2 else "committed")
    bench.slurm.submit("1")
    bench.steps(2)
    assert bench.slurm.where() == {"1": "committed"}
    bench.steps(6)
    assert bench.slurm.where() == {"1": "gate"}
    bench.steps(10)
    assert bench.slurm.where() == {"1": "committed"}


def test_jobs_of_users_are_left_alone(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", priority=0, state_reason="JobHeldUser")
    bench.slurm.submit("2", priority=0, state_reason="JobHeldAdmin", comment="tidegate")
    bench.slurm.submit("3", partition="committed")
    bench.slurm.submit("4", partition="committed,burst")
    bench.slurm.submit("5", state_reason="Dependency", eligible_time=0)
    bench.slurm.submit("6", partition="debug")
    bench.steps(60)
    assert bench.router.asked == [] and bench.slurm.orders == []
    bench.slurm.records["5"] |= {"state_reason": "PartitionDown", "eligible_time": int(bench.slurm.now)}
    bench.steps(2)
    assert bench.slurm.where()["5"] == "burst"


def test_a_job_that_its_user_moves_stays_there_and_one_that_comes_back_is_asked_about_anew(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1")
    bench.steps(2)
    bench.slurm.records["1"]["partition"] = "debug"
    bench.steps(20)
    assert bench.slurm.where() == {"1": "debug"}
    bench.slurm.records["1"]["partition"] = "committed"  # a site's, but not by us
    bench.steps(20)
    assert bench.slurm.where() == {"1": "committed"} and bench.router.asked == [("1", 1)]
    bench.slurm.records["1"]["partition"] = "gate"
    bench.steps(3)
    assert bench.slurm.where() == {"1": "burst"} and bench.router.asked[-1] == ("1", 2)


def test_a_site_that_lets_a_job_not_in_gives_way_to_the_default_and_the_daemon_does_not_spin(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.closed = {"burst"}
    bench.slurm.submit("1")
    bench.steps(60)
    assert ("move", "1", "committed") in bench.slurm.orders
    assert len(bench.slurm.orders) < 30


def test_a_job_that_the_router_refuses_holds_up_no_other(tmp_path, caplog):
    def rule(key: str, attempt: int) -> str:
        if key == "3":
            raise RefusedError("router: /v1/route, job 3 is none")
        return "burst"

    bench = Bench(tmp_path, rule)
    for number in range(1, 6):
        bench.slurm.submit(str(number))
    bench.steps(2)
    assert bench.slurm.where() == {key: "gate" if key == "3" else "burst" for key in "12345"}
    bench.steps(30)
    assert bench.slurm.where()["3"] == "committed" and "job 3 is none" in caplog.text


def test_more_jobs_than_the_scenario_has_room_for_leave_the_gate_all_the_same(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    most = int(bench.world.spec.rules[0].most_present)
    bench.slurm.submit("1")
    bench.slurm.submit("2", tres_per_node=f"gres:gpu:{most - 12}")
    bench.slurm.submit("3")
    bench.steps(2)
    (state, *_) = bench.router.states
    assert [one["id"].split("@")[0] for one in state["jobs"]] == ["1", "2"]
    assert present(Snapshot.model_validate(state), bench.world.scenario)
    bench.steps(30)
    assert bench.slurm.where()["3"] == "committed"


def test_slurm_that_is_away_delays_and_loses_nothing(tmp_path):
    bench = Bench(tmp_path, spread)
    bench.slurm.submit("1")
    bench.slurm.submit("3")
    bench.slurm.is_away = True
    with pytest.raises(AwayError, match="Slurm, local: no answer"):
        bench.daemon.step()
    bench.slurm.is_away = False
    bench.steps(2)
    assert bench.slurm.where() == {"1": "committed", "3": "burst"}


def test_the_daemon_pauses_longer_and_longer_while_slurm_is_away(tmp_path):
    bench, pauses = Bench(tmp_path), []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            raise Killed

    bench.slurm.is_away = True
    with pytest.raises(Killed):
        bench.daemon.run(sleep)
    assert pauses == [4, 8, 10, 10, 10, 10]


def test_a_step_that_fails_for_an_unknown_reason_holds_up_nobody(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    bench.slurm.submit("1")
    monkeypatch.setattr(bench.world, "stand", lambda *arguments: 1 / 0)

    def sleep(seconds: float) -> None:
        bench.slurm.now += 5
        if bench.slurm.now > 1_796_000_050:
            raise Killed

    with pytest.raises(Killed):
        bench.daemon.run(sleep)
    assert bench.slurm.where() == {"1": "committed"}


def test_a_shadow_sends_every_job_to_the_default_site_before_it_asks(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.is_shadow = True
    bench.begin()
    seen = []
    bench.router.strike = lambda: seen.append(bench.slurm.where()["1"])
    bench.slurm.submit("1")
    bench.steps(60)
    assert bench.router.asked == [("1", 1)] and set(seen) == {"committed"}
    assert bench.slurm.where() == {"1": "committed"}
    assert bench.router.states[0]["jobs"][0]["status"] == "new"


def test_a_job_without_accelerators_is_not_asked_about(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", tres_per_node="")
    bench.steps(2)
    assert bench.router.asked == [] and bench.slurm.where() == {"1": "committed"}


def test_the_parts_of_a_heterogeneous_job_stay_together(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", het_job_id=1)
    bench.slurm.submit("2", het_job_id=1)
    bench.steps(2)
    assert bench.router.asked == [] and bench.slurm.where() == {"1": "committed", "2": "committed"}


def test_what_is_told_is_a_snapshot_that_a_world_can_be_made_of(tmp_path):
    bench = Bench(tmp_path, spread)
    for number in range(1, 8):
        bench.slurm.submit(str(number), account="a", node_count=2, tres_per_node="gres:gpu:h100:4")
    bench.steps(2)
    bench.slurm.start("1")
    bench.slurm.start("3")
    bench.slurm.submit("9")
    bench.slurm.now += 100
    bench.steps(1)
    told = bench.router.states[-1]
    snapshot = Snapshot.model_validate(told)
    by_key = {one.id.split("@")[0]: one for one in snapshot.jobs}
    assert {key: (one.status, one.site) for key, one in by_key.items()} == {
        "1": ("running", "committed"),
        "2": ("queued", "committed"),
        "3": ("running", "burst"),
        "4": ("queued", "committed"),
        "5": ("queued", "committed"),
        "6": ("queued", "burst"),
        "7": ("queued", "committed"),
        "9": ("new", None),
    }
    assert by_key["1"].gang == 8 and by_key["1"].requested_ms == 3_600_000 and by_key["9"].is_offered
    assert present(snapshot, bench.world.scenario).ids[0] == snapshot.jobs[0].id


def test_use_and_supply_of_the_period_are_counted_from_look_to_look_and_across_restarts(tmp_path):
    bench = Bench(tmp_path)
    bench.slurm.submit("1")
    bench.steps(1)
    bench.slurm.start("1")
    bench.steps(10)
    bench.begin()
    bench.steps(10)
    meters = bench.daemon.book.meters
    assert meters["committed"].used == 8 * 19_000  # from the first look that saw it run to the last
    assert meters["committed"].delivered == 32 * 20_000 and meters["burst"].used == 0
    bench.slurm.now += 31 * 86_400
    bench.steps(1)
    assert bench.daemon.book.meters["committed"].used < 8 * 31 * 86_400_000
    assert bench.daemon.book.period_begin_ms == 30 * 86_400_000


def test_accelerators_that_other_jobs_hold_are_not_there(tmp_path):
    bench = Bench(tmp_path)
    bench.slurm.submit("1", partition="committed", tres_per_node="gres:gpu:3")
    bench.slurm.start("1")
    bench.slurm.submit("2")
    bench.steps(1)
    assert bench.router.states[0]["sites"][0]["capacity"] == 32 - 5  # the fake's nodes are used whole


def test_a_book_that_is_lost_costs_no_job(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD if key == "1" else "burst")
    bench.slurm.submit("1")
    bench.slurm.submit("2")
    bench.steps(2)
    bench.settings.state.unlink()
    bench.begin()
    bench.steps(2)
    assert bench.slurm.where() == {"1": "gate", "2": "burst"}
    assert bench.router.asked == [("1", 1), ("2", 1), ("1", 1)]


def test_a_disk_that_is_full_stops_no_job(tmp_path, monkeypatch, caplog):
    bench = Bench(tmp_path, spread)

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(daemon_module, "write_book", refuse)
    bench.slurm.submit("3")
    bench.steps(2)
    assert bench.slurm.where() == {"3": "burst"} and "No space left" in caplog.text


def test_one_daemon_at_a_time_keeps_a_book(tmp_path):
    path = tmp_path / "state.json"
    with alone(path), pytest.raises(InputError, match="another daemon has it"), alone(path):
        pass
    with alone(path):
        pass


def test_a_book_that_is_none_is_refused_with_its_place(tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"jobs": 7}')
    with pytest.raises(InputError, match=r"state\.json: jobs: jobs, 7, "):
        read_book(path)


def test_the_watchdog_acts_when_the_daemon_is_silent_and_not_before(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    bench.slurm.submit("1")
    bench.steps(40)
    bench.slurm.submit("2", priority=0, state_reason="JobHeldUser", comment="tidegate", eligible_time=0)
    bench.slurm.submit("3", priority=0, state_reason="JobHeldUser", eligible_time=0)
    assert rescue(bench.settings, bench.slurm, bench.slurm.now) == 0
    bench.slurm.now += 28
    assert rescue(bench.settings, bench.slurm, bench.slurm.now) == 0
    bench.slurm.now += 5
    assert rescue(bench.settings, bench.slurm, bench.slurm.now) == 2
    assert bench.slurm.where() == {"1": "committed", "2": "gate", "3": "gate"}  # 2 is released first
    bench.slurm.now += 31
    assert rescue(bench.settings, bench.slurm, bench.slurm.now) == 1
    assert bench.slurm.where() == {"1": "committed", "2": "committed", "3": "gate"}


def test_the_watchdog_lets_a_job_out_where_there_never_was_a_daemon(tmp_path):
    bench = Bench(tmp_path)
    bench.slurm.submit("1")
    assert rescue(bench.settings, bench.slurm, bench.slurm.now + 29) == 0
    assert rescue(bench.settings, bench.slurm, bench.slurm.now + 31) == 1


FEDERATION = {
    "clusters": {"a": {}, "b": {}},
    "sites": [
        {"name": "committed", "partition": "gpu", "cluster": "a"},
        {"name": "burst", "partition": "gpu", "cluster": "b"},
    ],
}
SIBLINGS = {"federation_origin": "a", "federation_siblings_viable": "a,b"}


def test_a_cluster_that_is_away_gets_no_job_and_its_own_jobs_stay_in_the_book(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1", **SIBLINGS)
    bench.steps(1)
    there = bench.slurm.records["1"]
    assert (there["partition"], there["federation_siblings_viable"]) == ("gpu", "b")
    bench.slurm.siblings["b"] = [dict(there)]
    there["job_state"] = "REVOKED"
    bench.steps(2)
    bench.slurm.away = {"b"}
    bench.slurm.submit("2", **SIBLINGS)
    bench.steps(2)
    assert bench.slurm.records["2"]["federation_siblings_viable"] == "a"
    assert {key.split("@")[0]: entry.action for key, entry in bench.daemon.book.jobs.items()} == {
        "1": "burst",
        "2": "committed",
    }


def test_nothing_is_forgotten_of_jobs_that_cannot_be_seen_now(tmp_path):
    bench = Bench(tmp_path, **FEDERATION)
    bench.slurm.away = {"b"}
    bench.daemon.book.jobs["134217729@1"] = Entry(attempts=3, action="committed", is_done=True)  # from the other one
    bench.steps(2)
    assert bench.daemon.book.jobs["134217729@1"].attempts == 3
    bench.slurm.away = set()
    bench.steps(1)
    assert bench.daemon.book.jobs == {}


def test_what_a_federation_has_lost_is_told_again_and_not_at_every_look(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1", **SIBLINGS)
    bench.slurm.siblings["b"] = [dict(bench.slurm.records["1"])]  # stays in the gate there
    bench.steps(1)
    bench.slurm.records["1"]["job_state"] = "REVOKED"
    bench.steps(60)
    assert len(bench.slurm.orders) == 3  # 22 s after it went unheard, and 22 s after that


def test_a_job_that_is_in_no_federation_stays_and_is_never_asked_about(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1")
    bench.steps(20)
    assert bench.slurm.where() == {"1": "gpu"} and bench.router.asked == []
    assert [entry.action for entry in bench.daemon.book.jobs.values()] == ["committed"]


def test_a_pass_looks_at_the_most_urgent_jobs_first_and_at_all_of_them_when_capacity_is_lost(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD, priority={"by": "qos", "table": {"high": 7}})
    size = bench.world.scenario.rules.pass_size
    for number in range(1, size + 3):
        bench.slurm.submit(str(number))
    bench.slurm.submit("99", qos="high")
    bench.steps(1)
    bench.slurm.now += 10
    bench.steps(1)
    again = {key for key, attempt in bench.router.asked if attempt == 2}
    assert len(again) == size and "99" in again and str(size + 2) not in again
    bench.slurm.now += 1
    bench.slurm.capacity["burst"] -= 1
    bench.steps(1)
    assert ("99", 3) in bench.router.asked  # a second after the last time


def test_an_order_that_does_nothing_is_given_again_after_pauses(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.closed = {"burst", "committed"}
    bench.slurm.submit("1")
    bench.steps(20, each=0.1)
    assert 5 <= len(bench.slurm.orders) <= 12


def test_a_router_gets_a_moment_even_when_the_watchdog_is_about_to_act(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1")
    bench.slurm.now += 300  # nobody was there
    bench.steps(1)
    assert bench.router.allowed[0] == 0.5 and bench.slurm.where() == {"1": "burst"}
