"""The router: one answer for one attempt, in the log before it is told; and what it does where something is wrong."""

import asyncio
import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents.evaluation.policies import TRAINED
from tidegate.agents.router import audit, parcel
from tidegate.agents.router.admission import Admission, Limits
from tidegate.agents.router.audit import Log
from tidegate.agents.router.memory import Memory
from tidegate.agents.router.refusal import Refusal
from tidegate.agents.router.replay import replay
from tidegate.agents.router.request import Request, parsed
from tidegate.agents.router.serve import Reloader
from tidegate.agents.router.service import Service
from tidegate.agents.router.standing import Beside
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.trained.manifest import Manifest

from .toy_router import NAME, asked, bundle, content, question, rule, run, scenario, snapshot

MANY = 10_000 if IS_COMPILED else 150
RELOADS = 100 if IS_COMPILED else 4


def route(service: Service, *requests: Request) -> Any:
    return service.route(parsed(question(*requests)))


def refused(status: int, body: Callable[[], Any]) -> Any:
    """What a coroutine is refused with."""

    async def within() -> str:
        with pytest.raises(Refusal) as caught:
            await body()
        assert caught.value.status == status
        return str(caught.value)

    return within()


def test_an_attempt_has_one_answer_for_ever(tmp_path: Path) -> None:
    async def first(service: Service) -> list[str]:
        answers = [(await route(service, asked(f"job{number}")))[0][0] for number in range(20)]
        again = await asyncio.gather(*(route(service, asked(f"job{number}")) for number in (3, 3, 7)))
        assert [one[0][0].number for one in again] == [answers[3].number, answers[3].number, answers[7].number]
        at_once = await asyncio.gather(*(route(service, asked("twin")) for _ in range(8)))
        assert len({one[0][0].number for one in at_once}) == 1
        other = asked("job3", like=0)
        assert "was asked about in other words before" in await refused(409, lambda: route(service, other))
        waiting = next(one.job for one in answers if service.cluster and service.cluster.site_of(one.job))
        (later,) = await route(service, Request(id=waiting, attempt=2))
        assert later[0].number > answers[-1].number
        return [one.action for one in answers]

    async def after_a_restart(service: Service) -> list[str]:
        return [(await route(service, asked(f"job{number}")))[0][0].action for number in range(20)]

    log = tmp_path / "audit.db"
    before = run(log, first)
    assert run(log, after_a_restart) == before
    assert len(audit.entries(audit.opened(log, read_only=True))) == 22


def test_decisions_come_out_the_same_when_they_are_replayed(tmp_path: Path) -> None:
    """Ten thousand of them, with newer states, shares, a reload, questions about several jobs, and jobs moved."""
    log = tmp_path / "audit.db"

    async def body(service: Service) -> None:
        for number in range(0, MANY, 25):
            if number % 50 == 0:
                told = snapshot(3 + number // 50 % 3)
                later = told.now_ms + number // 100 * 60_000  # every other one cannot show what came before it
                await service.take_state(told.model_copy(update={"now_ms": later}).model_dump_json().encode())
                service.give_share((number // 50 % 3) / 2, "test")
            names = [f"n{number + place}" for place in range(20)]
            await route(service, *(asked(name, like=place % 5) for place, name in enumerate(names)))
            again = [name for name in names if service.cluster is not None and service.cluster.site_of(name)][:5]
            if again:
                await route(service, *(Request(id=name, attempt=2) for name in again))
            if number == MANY // 2 // 25 * 25:
                service.take_over(bundle("mid_lab"))

    run(log, body, limits=Limits(rate=1e9, burst=10**6, depth=10**6))
    found = replay(log, scenario(), [bundle(), bundle("mid_lab")], lambda _: rule())
    assert found.decisions > 0.8 * MANY
    assert found.differences == []
    made = audit.entries(audit.opened(log, read_only=True))
    assert {entry.by for entry in made} == {"policy", "baseline"}
    assert any(audit.state(audit.opened(log, read_only=True), entry.state).again for entry in made)  # type: ignore[union-attr]


def test_a_replay_finds_a_decision_that_was_changed(tmp_path: Path) -> None:
    log = tmp_path / "audit.db"

    async def body(service: Service) -> None:
        for number in range(5):
            await route(service, asked(f"job{number}"))

    run(log, body)
    changed = sqlite3.connect(log)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        changed.execute("UPDATE decisions SET action = 'hold'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        changed.execute("DELETE FROM states")
    changed.execute("DROP TRIGGER decisions_UPDATE")
    changed.execute("UPDATE decisions SET action = 'nowhere' WHERE number = 3")
    changed.commit()
    (difference,) = replay(log, scenario(), [bundle()], lambda _: rule()).differences
    assert (difference.number, difference.field, difference.logged) == (3, "action", "nowhere")
    with pytest.raises(InputError, match="name its folder with --bundle"):
        replay(log, scenario(), [bundle("mid_lab")], lambda _: rule())


def test_a_newer_state_keeps_what_it_cannot_show_yet(tmp_path: Path) -> None:
    def taken(service: Service) -> int:
        """Accelerators that run and wait at all sites."""
        assert service.cluster is not None
        state = service.cluster.worlds.state()
        return int(state.occupied.sum() + state.queued_accelerators.sum())

    async def body(service: Service) -> None:
        before = taken(service)
        decided = [(await route(service, asked(f"job{number}")))[0][0] for number in range(80)]
        after = taken(service)
        assert after > before
        assert any(one.action != "hold" for one in decided)
        await service.take_state(content())
        assert taken(service) == after
        later = snapshot().model_copy(update={"now_ms": snapshot().now_ms + 60_000})
        await service.take_state(later.model_dump_json().encode())
        assert taken(service) == before

    run(tmp_path / "audit.db", body)


def test_it_is_remembered_what_a_snapshot_may_not_show() -> None:
    memory = Memory()
    for number, (action, at) in enumerate([("spot", 0), ("hold", 5_000), ("spot", 5_000), ("spot", 9_000)], 1):
        memory.add(entry(number, action), at)
    assert [one.number for one in memory.news(6_999, 0)] == [3, 4]
    assert [one.number for one in memory.news(7_000, 0)] == [4]
    assert [one.number for one in memory.news(0, 3)] == [4]
    told = memory.told(Path("audit.db"))  # it names the last decision that is too old: number 3, 2 and none
    assert [told.before(now) for now in (11_000, 7_000, 1_000)] == [3, 2, 0]
    assert told.before(11_050) is None
    memory.clear()
    assert memory.news(0, 0) == []
    assert memory.told(Path("audit.db")).before(9_000) is None


def test_a_parcel_brings_arrays_and_holds_one_file_at_most() -> None:
    what = {"none": np.zeros((3, 0)), "some": np.arange(5, dtype=np.uint8), "pairs": np.ones(7, "i8,f4"), "name": "x"}
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        found = parcel.unpacked(parcel.packed(what))
        for name, value in what.items():
            np.testing.assert_array_equal(found[name], value)
        found["some"][:] = 1  # it may be written on, and what was sent stays what it is
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize("failing", ["memfd_create", "fdopen"])
def test_a_parcel_for_which_there_is_no_room_travels_as_it_is(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(parcel.os, failing, full)
    before = len(os.listdir("/proc/self/fd"))
    sent = parcel.packed(np.arange(5))
    assert sent.file == "" and len(os.listdir("/proc/self/fd")) <= before
    assert parcel.unpacked(sent).tolist() == [0, 1, 2, 3, 4]


def entry(number: int, action: str) -> audit.Entry:
    told = dict.fromkeys(audit.COLUMNS, "")
    return audit.Entry(**told | {"number": number, "action": action, "job": f"job{number}", "cluster": NAME})  # type: ignore[arg-type]


def test_what_the_log_loses_while_a_state_is_taken_in_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, broken, commit = tmp_path / "audit.db", [False], Log._commit

    def failing(self: Log, rows: Any) -> Exception | None:
        time.sleep(0.05 if broken[0] else 0.0)  # so that the state comes first
        return sqlite3.OperationalError("disk full") if broken[0] else commit(self, rows)

    monkeypatch.setattr(Log, "_commit", failing)

    async def body(service: Service) -> None:
        broken[0] = True
        lost = asyncio.ensure_future(route(service, *(asked(f"lost{number}") for number in range(120))))
        await asyncio.sleep(0)
        await asyncio.gather(service.take_state(content()), refused(503, lambda: lost))
        broken[0] = False
        assert service.cluster is not None and service.cluster.site_of("lost0") is None
        while not service.is_audited:
            await route(service, asked("alone"))
            await asyncio.sleep(0.01)
        await route(service, asked("after"))

    run(log, body)
    assert replay(log, scenario(), [bundle()], lambda _: rule()).differences == []


def test_states_take_turns_in_two_memories(tmp_path: Path) -> None:
    async def body(service: Service) -> None:
        seen = []
        for _ in range(5):
            assert service.cluster is not None
            seen.append(service.cluster.worlds)
            await service.take_state(content())
        assert seen[0] is seen[2] is seen[4]
        assert seen[1] is seen[3] is not seen[0]

    run(tmp_path / "audit.db", body)


def test_the_log_is_moved_to_the_database_in_small_parts(tmp_path: Path) -> None:
    """A large one takes milliseconds, for which whoever asks would wait."""
    log, done = Log(tmp_path / "audit.db"), threading.Event()
    for number in range(1, 1001):
        done.clear()
        log.add([audit.decision_row(entry(number, "spot"))], lambda error: done.set())
        assert done.wait(10)
    assert (tmp_path / "audit.db-wal").stat().st_size < 4 * 4096 * audit.MOVED_ROWS
    log.close()


@pytest.mark.parametrize("count", [1, 2, audit.MOST_TOGETHER, audit.MOST_TOGETHER + 1])
def test_of_decisions_that_are_committed_together_all_are_in_the_log_or_none(tmp_path: Path, count: int) -> None:
    log, told = Log(tmp_path / "audit.db"), list[Exception | None]()
    wanted = [entry(number, "spot") for number in range(1, count + 1)]
    for made in (wanted, [entry(number, "spot") for number in range(2 * count, count - 1, -1)]):  # the last is there
        log.add([audit.decision_row(one) for one in made], told.append)
        while not told or (made is not wanted and len(told) < 2):
            time.sleep(0.001)
    log.close()
    assert told[0] is None and isinstance(told[1], sqlite3.IntegrityError)
    assert audit.entries(audit.opened(tmp_path / "audit.db", read_only=True)) == wanted


def test_what_is_not_known_or_too_much_is_refused(tmp_path: Path) -> None:
    limits = Limits(rate=50, burst=10, depth=8, stale_seconds=0.3, spare=100)

    async def body(service: Service) -> None:
        await route(service, asked("job"))
        other = parsed(question(asked("job2"), cluster="elsewhere"))
        assert "is not this router's" in await refused(404, lambda: service.route(other))
        assert "is not in the last state" in await refused(404, lambda: route(service, Request(id="unknown")))
        many = [asked(f"many{number}") for number in range(9)]
        assert "ask again later" in await refused(429, lambda: route(service, *many))
        bad = content().replace(b'"cluster":"small_team"', b'"cluster":"elsewhere"')
        assert "is not this router's" in await refused(404, lambda: service.take_state(bad))
        bad = content().replace(b'"job_class":"research"', b'"job_class":"unheard"', 1)
        assert "class, unheard" in await refused(400, lambda: service.take_state(bad))
        await asyncio.sleep(0.5)
        assert "is older than 0.3 s" in await refused(503, lambda: route(service, asked("late")))
        service.is_ready = False
        assert "draining" in await refused(503, lambda: route(service, asked("later")))

    run(tmp_path / "audit.db", body, limits=limits)


def test_admission_holds_its_rate() -> None:
    admission, admitted, began = Admission(Limits(rate=1000, burst=20)), 0, time.monotonic()
    while time.monotonic() - began < 0.3:
        with contextlib.suppress(Refusal):
            admission.admit(1, 0, 0.0)
            admitted += 1
    passed = time.monotonic() - began
    assert 0.8 * 1000 * passed < admitted <= 1000 * passed + 21


def test_while_the_log_cannot_be_written_the_baseline_answers_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "audit.db"
    broken = [False]
    commit = Log._commit

    def failing(self: Log, rows: Any) -> Exception | None:
        return sqlite3.OperationalError("disk full") if broken[0] else commit(self, rows)

    monkeypatch.setattr(Log, "_commit", failing)

    async def body(service: Service) -> None:
        service.give_share(1.0, "test")
        (before,) = await route(service, asked("before"))
        assert (before[0].by, before[1]) == ("policy", True)
        broken[0] = True
        assert "disk full" in await refused(503, lambda: route(service, asked("lost")))
        for number in range(3):
            (answer,) = await route(service, asked(f"alone{number}"))
            assert (answer[0].by, answer[1]) == ("baseline", False)
        broken[0] = False
        await route(service, asked("last alone"))
        while not service.is_audited:
            await asyncio.sleep(0.01)
        (after,) = await route(service, asked("lost"))
        assert (after[0].by, after[1]) == ("policy", True)

    run(log, body)
    found = replay(log, scenario(), [bundle()], lambda _: rule())
    assert (found.decisions, found.differences) == (2, [])


def resealed(source: Path, target: Path, **changes: Any) -> None:
    """A bundle with another manifest that is as sound."""
    shutil.copytree(source, target)
    manifest = Manifest.model_validate_json((source / "manifest.json").read_bytes())
    (target / "manifest.json").write_bytes(manifest.model_copy(update=changes).sealed().rendered())


def test_a_reload_takes_over_what_is_sound_and_keeps_the_last_good_one(tmp_path: Path) -> None:
    """A hundred reloads under load, half of them of broken bundles: no question fails, and no answer is of two."""
    good = [tmp_path / f"good{number}" for number in range(2)]
    for number, folder in enumerate(good):
        resealed(TRAINED / NAME, folder, created=f"version {number}")
    bad = tmp_path / "bad"
    shutil.copytree(good[0], bad)
    (bad / "policy.onnx").write_bytes(b"\x00" * 100)
    link = tmp_path / "current"

    def point(target: Path) -> None:
        aside = tmp_path / "aside"
        aside.symlink_to(target)
        aside.replace(link)

    point(good[0])

    async def body(service: Service) -> None:
        reloader, over, asked_for = Reloader(service, link), False, 0

        async def load() -> None:
            nonlocal asked_for
            while not over:
                names = [f"q{asked_for}-{place}" for place in range(3)]
                answers = await route(service, *map(asked, names))
                assert len({entry.bundle for entry, _ in answers}) == 1
                asked_for += 1
                if asked_for % 50 == 0:
                    await service.take_state(content())
                await asyncio.sleep(0)

        loading, taken = asyncio.ensure_future(load()), 0
        for number in range(RELOADS):
            if number % 2:
                before = service.engine.bundle.manifest.digest
                point(bad)
                with pytest.raises(InputError, match=r"policy\.onnx"):
                    await reloader.look()
                assert service.engine.bundle.manifest.digest == before
            else:
                point(good[number // 2 % 2])
                taken += await reloader.look()
        over = True
        await loading
        assert taken == RELOADS // 2
        assert asked_for > RELOADS // 4

    run(tmp_path / "audit.db", body, limits=Limits(rate=1e9, burst=10**6, depth=10**6))
    made = audit.entries(audit.opened(tmp_path / "audit.db", read_only=True))
    assert len({entry.bundle for entry in made}) >= 2


def test_a_log_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no log at all, but long enough to be looked at as one")
    with pytest.raises(InputError, match=r"audit log: file, .*text"):
        Log(tmp_path / "text")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE other (number)").connection.commit()
    with pytest.raises(InputError, match="is not a log of version 1"):
        Log(tmp_path / "other.db")
    with pytest.raises(InputError, match="is not there"):
        audit.opened(tmp_path / "none.db", read_only=True)


def test_a_process_beside_it_that_dies_is_begun_anew(tmp_path: Path) -> None:
    class Dying(ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            raise BrokenProcessPool("killed")

    async def body(service: Service) -> None:
        good, begun = service._standing.executor, list[int]()
        service._standing = Beside(lambda: begun.append(1) or (Dying(1) if len(begun) == 1 else good))
        assert "has died of it" in await refused(503, lambda: service.take_state(content()))
        assert (await service.take_state(content()))["jobs"] > 0
        assert len(begun) == 2
        assert (await route(service, asked("after")))[0][1]

    run(tmp_path / "audit.db", body)
