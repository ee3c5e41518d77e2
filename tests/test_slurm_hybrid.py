"""The daemon in front of one real slurmctld: a partition that is always up, and cloud nodes that boot.

No job is lost, none runs twice, and none waits longer than the watchdog's deadline and what its queue takes.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .slurm_rig import TIDEGATE, Rig, rig

pytestmark = pytest.mark.slow
DEADLINE = 4  # s, of the watchdog in these tests; 30 is the default
LEEWAY = 4  # s, for one look, one command, and a machine that does other things
RUN = 60  # s in which Slurm runs what a test submits
BOOT = 100  # s, where cloud nodes boot first: their batch scripts may start half a minute late


@pytest.fixture(scope="module")
def hybrid() -> Iterator[Rig]:
    with rig("hybrid") as made:
        yield made


@pytest.fixture
def slurm(hybrid: Rig) -> Iterator[Rig]:
    hybrid.configure(watchdog_seconds=DEADLINE)
    yield hybrid
    hybrid.reset()


def end_slurmctld(slurm: Rig, how: signal.Signals) -> None:
    """A signal to it; back when it has gone."""
    pid = int((slurm.slurm / "slurmctld.pid").read_text())
    os.kill(pid, how)
    slurm.until(lambda: not Path(f"/proc/{pid}").exists(), 30)


def begin_slurmctld(slurm: Rig) -> None:
    """On the state that it saved; back when it answers."""
    slurm.ask("slurmctld", within=20)
    slurm.until(lambda: not subprocess.run(["scontrol", "ping"], env=slurm.client(), check=False).returncode, 30)


@contextmanager
def closed(slurm: Rig, *partitions: str) -> Iterator[None]:
    """Nothing starts in these; other tests find them open whatever happens."""
    for name in partitions:
        slurm.ask("scontrol", "update", f"PartitionName={name}", "State=DOWN")
    try:
        yield
    finally:
        for name in partitions:
            slurm.ask("scontrol", "update", f"PartitionName={name}", "State=UP")


def test_the_check_finds_everything_as_it_should_be(slurm):
    slurm.start_router("site committed")
    command = [*TIDEGATE, "slurm", "check", str(slurm.base / "slurm.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 nodes, 32 of 32 accelerators there" in done.stdout
    assert "8 nodes, 64 of 64 accelerators there" in done.stdout  # none of them is powered up
    slurm.ask("scontrol", "update", "PartitionName=gate", "State=UP")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and "WRONG: is UP: jobs start in the gate" in done.stdout
    finally:
        slurm.ask("scontrol", "update", "PartitionName=gate", "State=DOWN")


def test_two_hundred_gang_jobs_run_once_each_where_the_router_says(slurm):
    """On nodes that are up; test_slurm_with_router.py lets them boot."""
    slurm.boot()
    slurm.start_router("spread committed burst 4")
    slurm.start()
    keys = slurm.gangs(200)
    delays = slurm.wait(keys, BOOT)
    stay = slurm.stay()
    where = {key: partition for key, _, partition, _ in slurm.runs()}
    assert where == {key: "burst" if int(key) % 4 == 0 else "committed" for key in keys}
    assert stay <= DEADLINE + LEEWAY
    print(f"200 jobs: longest in the gate {stay:.1f} s, longest until it ran {max(delays.values()):.1f} s")


def test_a_router_that_is_killed_leaves_no_job_behind(slurm):
    slurm.start_router("site committed")
    slurm.start()
    before = slurm.gangs(20)
    slurm.until(lambda: len(slurm.asked()) > 0)
    slurm.kill("router")
    keys = [*before, *slurm.gangs(20)]
    slurm.wait(keys, RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY
    assert "by watchdog: no answer" in slurm.told()
    slurm.start_router("site committed")
    keys = slurm.gangs(5)
    slurm.wait(keys, RUN)
    assert {int(one["id"].split("@")[0]) for one in slurm.asked()} >= set(map(int, keys))


@pytest.mark.parametrize("rule", ["slow", "drip", "garbage"])
def test_a_router_that_does_not_answer_well_delays_no_job_beyond_the_deadline(slurm, rule):
    slurm.start_router(rule)
    slurm.start()
    slurm.wait(slurm.gangs(10), RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY
    assert {partition for _, _, partition, _ in slurm.runs()} == {"committed"}
    assert "by watchdog: no answer" in slurm.told()


def test_a_daemon_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(slurm):
    slurm.start_router("site committed")
    keys = []
    for seconds in (1.5, 2, 2.5, 3):  # it loads for a second or two
        keys += slurm.gangs(12)
        slurm.start()
        time.sleep(seconds)
        slurm.kill("run")
    slurm.start()
    slurm.wait(keys, RUN)
    attempts = [(one["id"], one["attempt"]) for one in slurm.asked()]
    assert {int(id_.split("@")[0]) for id_, _ in attempts} == set(map(int, keys))


def test_the_watchdog_lets_jobs_out_when_the_daemon_is_dead_and_not_before(slurm):
    slurm.start_router("site hold")
    slurm.start()
    slurm.start("watchdog")
    keys = slurm.gangs(20)
    slurm.until(lambda: len(slurm.asked()) >= 20)
    slurm.kill("run")
    killed = time.time()
    slurm.wait(keys, RUN)
    first = min(float(at) for _, _, _, at in slurm.runs())
    assert DEADLINE - 1.5 <= first - killed <= DEADLINE + LEEWAY + 3
    assert "the daemon is silent" in slurm.told()


def test_a_slurmctld_that_is_stopped_and_started_again_loses_nothing(slurm):
    slurm.configure(watchdog_seconds=DEADLINE, command_seconds=2)
    slurm.start_router("site committed")
    slurm.start()
    keys = slurm.gangs(20)
    slurm.until(lambda: len(slurm.asked()) > 0)
    end_slurmctld(slurm, signal.SIGTERM)
    slurm.until(lambda: "WARNING Slurm, local: squeue:" in slurm.told(), 30)
    begin_slurmctld(slurm)
    keys += slurm.gangs(10)
    slurm.wait(keys, RUN)


def test_a_slurmctld_that_is_killed_forgets_moves_and_they_are_made_again(slurm):
    slurm.configure(watchdog_seconds=30, command_seconds=2)
    slurm.start_router("spread committed burst 4")
    with closed(slurm, "committed", "burst"):  # who is moved there waits
        keys = slurm.gangs(20)
        saved, last = slurm.slurm / "state" / "job_state", time.time()
        slurm.until(lambda: saved.exists() and saved.stat().st_mtime > last, 20)  # or Slurm itself loses some of them
        slurm.start()
        slurm.until(lambda: not slurm.gated())
        end_slurmctld(slurm, signal.SIGKILL)
        begin_slurmctld(slurm)
        forgotten = len(slurm.gated())
        slurm.until(lambda: not slurm.gated())
    slurm.wait(keys, BOOT)
    where = {key: partition for key, _, partition, _ in slurm.runs()}
    assert where == {key: "burst" if int(key) % 4 == 0 else "committed" for key in keys}
    assert "by watchdog" not in slurm.told()
    print(f"slurmctld had forgotten {forgotten} of 20 moves")


def test_what_users_hold_stays_and_what_is_marked_goes(slurm):
    slurm.start_router("site committed")
    slurm.start()
    held = slurm.submit("--gres=gpu:1", "--hold")
    marked = slurm.submit("--gres=gpu:1", "--hold", "--comment=for tidegate please")
    parent = slurm.submit("--gres=gpu:1", seconds=2)
    child = slurm.submit("--gres=gpu:1", f"--dependency=afterok:{parent}")
    later = slurm.submit("--gres=gpu:1", "--begin=now+3")
    plain = slurm.submit("--cpus-per-task=1")
    slurm.wait([marked, parent, child, later, plain], RUN)
    assert slurm.partition(held) == "gate"
    assert int(held) not in {int(one["id"].split("@")[0]) for one in slurm.asked()}
    assert f"job {plain}: committed, attempt 0, by rule: it asks for no accelerator" in slurm.told()
    slurm.ask("scontrol", "release", held)
    slurm.wait([held], RUN)


def test_tasks_of_an_array_are_jobs_of_their_own(slurm):
    slurm.start_router("spread committed burst 4")
    slurm.start()
    array = slurm.submit("--gres=gpu:1", "--array=0-6:2,9%3")
    keys = [f"{array}_{task}" for task in (0, 2, 4, 6, 9)]
    slurm.submitted |= dict.fromkeys(keys, slurm.submitted[array])
    slurm.wait(keys, BOOT)
    where = {key: partition for key, _, partition, _ in slurm.runs()}
    assert [where[key] for key in keys] == ["burst", "committed", "burst", "committed", "committed"]


def test_the_parts_of_a_heterogeneous_job_run_together(slurm):
    slurm.start_router("site burst")
    slurm.start()
    key = slurm.submit("--gres=gpu:1", ":", "--gres=gpu:2", "--nodes=2")
    slurm.wait([key], RUN)
    assert slurm.runs()[0][2] == "committed" and slurm.asked() == []


@contextmanager
def repair(slurm: Rig) -> Iterator[None]:
    """Three of the four committed nodes will be away for half an hour, an hour from now."""
    when = ("StartTime=now+60minutes", "Duration=30", "Flags=MAINT,IGNORE_JOBS", "Users=root")
    slurm.ask("scontrol", "create", "reservation", "ReservationName=repair", "Nodes=c[1-3]", *when)
    try:
        yield
    finally:
        slurm.ask("scontrol", "delete", "ReservationName=repair")


def is_told_of_repair(slurm: Rig) -> bool:
    found = slurm.announced()
    return [capacity for _, capacity in found] == [8, 32] and [round(hours, 1) for hours, _ in found] == [1.0, 1.5]


def test_maintenance_is_told_before_it_comes(slurm):
    slurm.start_router("site committed")
    with repair(slurm):
        slurm.start()
        slurm.wait([slurm.submit("--gres=gpu:1")], RUN)
        slurm.until(lambda: is_told_of_repair(slurm))


def test_one_command_lets_everybody_out_without_tidegate(slurm):
    keys = slurm.gangs(5)
    slurm.ask("scontrol", "update", "PartitionName=gate", "Nodes=c[1-4]", "State=UP")
    try:
        slurm.wait(keys, RUN)
    finally:
        slurm.ask("scontrol", "update", "PartitionName=gate", "Nodes=c[1-4],b[1-8]", "State=DOWN")


def test_a_job_that_waits_is_moved_when_the_router_thinks_better_of_it(slurm):
    """Late binding: from the gate, where it was held, to a queue, and from that to another one."""
    slurm.configure(watchdog_seconds=DEADLINE, scenario="quick.toml")
    slurm.start_router("hold committed")
    slurm.start()
    fillers = [slurm.submit("-p", "committed", "--gres=gpu:8", "--nodes=4", seconds=120)]
    slurm.until(lambda: len(slurm.runs()) == 1)
    key = slurm.submit("--gres=gpu:8")
    slurm.until(lambda: slurm.partition(key) == "committed", 30)
    slurm.rule("site burst")
    slurm.until(lambda: slurm.partition(key) == "burst", 30)
    slurm.wait([key], BOOT)
    attempts = [one["attempt"] for one in slurm.asked() if one["id"].startswith(f"{key}@")]
    assert attempts == list(range(1, len(attempts) + 1)) and len(attempts) >= 3
    assert fillers[0] not in {one["id"].split("@")[0] for one in slurm.asked()}


def test_a_shadow_asks_and_sends_every_job_to_the_default_site_at_once(slurm):
    slurm.start_router("site burst")
    slurm.start("run", "--shadow")
    keys = slurm.gangs(10)
    slurm.wait(keys, RUN)
    assert slurm.stay() <= LEEWAY
    assert {partition for _, _, partition, _ in slurm.runs()} == {"committed"}
    slurm.until(lambda: slurm.told().count("the router would say burst") == 10)


def test_slurmrestd_does_the_same(slurm):
    slurm.configure(watchdog_seconds=DEADLINE, rest=slurm.base / "rest" / "sock")
    (slurm.base / "rest").mkdir(exist_ok=True)
    token = slurm.ask("scontrol", "token", "username=root", "lifespan=600").strip().split("=", 1)[1]
    (slurm.base / "token").write_text(token)
    subprocess.run(["chown", "nobody", str(slurm.base / "rest")], check=True)
    words = ["slurmrestd", "-u", "nobody", "-g", "nogroup", "-a", "rest_auth/jwt", "-s", "openapi/v0.0.38"]
    environment = {"SLURM_CONF": str(slurm.clusters["local"]), "SLURM_JWT": "daemon", "PATH": "/usr/sbin:/usr/bin"}
    with (slurm.base / "rest.out").open("wb") as log:
        socket: Path = slurm.base / "rest" / "sock"
        slurm.processes["rest"] = subprocess.Popen([*words, f"unix:{socket}"], env=environment, stderr=log, stdout=log)
    slurm.until(socket.exists)
    slurm.start_router("site committed")
    with repair(slurm):
        slurm.start()
        slurm.wait([slurm.submit("--gres=gpu:1")], RUN)
        slurm.until(lambda: is_told_of_repair(slurm))
    array = slurm.submit("--gres=gpu:1", "--array=1-3")
    tasks = [f"{array}_{task}" for task in (1, 2, 3)]
    slurm.submitted |= dict.fromkeys(tasks, slurm.submitted[array])
    marked = slurm.submit("--gres=gpu:1", "--hold", "--comment=tidegate")
    slurm.wait([*slurm.gangs(20), *tasks, marked], RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY
