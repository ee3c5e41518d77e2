"""Episodes spread over threads: each once, in parts that are large enough, and what is asked for is checked."""

import threading
import time

import pytest

from tidegate.fastsim.errors import InputError
from tidegate.fastsim.threads import PARTS_A_THREAD, StoppedError, each, end_if_stopped, spread, threads


@pytest.mark.parametrize(("count", "at_least"), [(1, 1), (7, 1), (100, 64), (128, 64), (1000, 3)])
def test_every_item_is_worked_on_once(count, at_least, monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    parts: list[tuple[int, int]] = []
    spread(lambda first, last: parts.append((first, last)), count, at_least)
    assert sorted(item for first, last in parts for item in range(first, last)) == list(range(count))
    assert len(parts) <= 2 * PARTS_A_THREAD
    assert len(parts) == 1 or min(last - first for first, last in parts) >= at_least


def test_two_threads_work_at_the_same_time(monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    meeting = threading.Barrier(2, timeout=60)  # one thread alone would wait for ever

    def work(first: int, last: int) -> None:
        meeting.wait()

    spread(work, 2, 1)


def test_an_error_in_a_part_reaches_the_caller(monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")

    def work(first: int, last: int) -> None:
        raise KeyError(first)

    with pytest.raises(KeyError):
        spread(work, 4, 1)


def test_results_come_in_order(monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    assert each(lambda number: number * number, 50) == [number * number for number in range(50)]


def test_work_within_work_stays_on_its_thread(monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    inner = each(lambda _: set(each(lambda _: threading.get_ident(), 5)), 8)  # a pool that waits for itself would hang
    assert all(len(idents) == 1 for idents in inner)
    assert threading.get_ident() not in set.union(*inner)


def test_when_one_part_fails_the_others_end_and_the_next_work_begins_anew(monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", "2")
    is_stopped = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            raise KeyError(number)
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                end_if_stopped()
        except StoppedError:
            is_stopped.set()
            raise

    with pytest.raises(KeyError):
        each(work, 2)
    assert is_stopped.wait(60)
    assert each(lambda number: (end_if_stopped(), number)[1], 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("asked", ["0", "-1", "many", ""])
def test_what_is_no_number_of_threads_is_refused(asked, monkeypatch):
    monkeypatch.setenv("TIDEGATE_THREADS", asked)
    with pytest.raises(InputError, match="TIDEGATE_THREADS"):
        threads()
