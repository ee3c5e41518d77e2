"""The daemon between a Slurm and a router in memory, where something fails: killed anywhere, and all else away."""

import itertools
import logging

import pytest

from tidegate.agents.slurm import daemon as daemon_module
from tidegate.agents.slurm.book import alone, read_book
from tidegate.agents.slurm.router import HOLD
from tidegate.agents.slurm.watchdog import rescue
from tidegate.agents.slurm.wire import AwayError, RefusedError
from tidegate.fastsim.errors import InputError

from .fake_slurm import Bench, Killed, spread


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


def test_a_router_that_dies_while_a_job_is_held_lets_it_go(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    bench.slurm.submit("1")
    bench.steps(10)
    bench.router.is_away = True
    bench.steps(45)
    assert bench.slurm.where() == {"1": "committed"}


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
