"""The daemon in front of two real clusters of a federation: a job moves between them, and runs once.

Slurm 22.05 tells a receiving cluster of one change a second; that is service, not the router's delay.
"""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from .slurm_rig import Rig, rig

pytestmark = pytest.mark.slow
DEADLINE = 4  # s, of the watchdog in these tests; 30 is the default
LEEWAY = 4  # s, for one look, one command, and a machine that does other things
RUN = 90  # s in which Slurm runs what a test submits


@pytest.fixture(scope="module")
def two() -> Iterator[Rig]:
    with rig("federation") as made:
        yield made


@pytest.fixture
def slurm(two: Rig) -> Iterator[Rig]:
    two.configure(watchdog_seconds=DEADLINE)
    yield two
    two.reset()


def where(slurm: Rig) -> dict[str, str]:
    """The cluster in which each job has run."""
    return {key: cluster for key, cluster, _, _ in slurm.runs()}


def test_two_hundred_gang_jobs_run_once_each_in_the_cluster_that_the_router_says(slurm):
    slurm.start_router("spread committed burst 20")
    slurm.start()
    keys = slurm.gangs(200)
    delays = slurm.wait(keys, RUN)
    stay = slurm.stay()
    assert where(slurm) == {key: "burst" if int(key) % 20 == 0 else "committed" for key in keys}
    assert stay <= DEADLINE + LEEWAY
    print(f"200 jobs: longest in the gate {stay:.1f} s, longest until it ran {max(delays.values()):.1f} s")


def test_a_job_that_waits_in_one_cluster_is_moved_to_the_other(slurm):
    slurm.configure(watchdog_seconds=DEADLINE, scenario="quick.toml")
    slurm.start_router("hold committed")
    slurm.start()
    slurm.submit("-p", "gpu", "--clusters=committed", "--gres=gpu:8", "--nodes=4", seconds=120)
    slurm.until(lambda: len(slurm.runs()) == 1)
    key = slurm.submit("--gres=gpu:8")
    slurm.until(lambda: slurm.partition(key) == "gpu", 30)
    slurm.rule("site burst")
    slurm.wait([key], RUN)
    assert where(slurm)[key] == "burst"
    attempts = [one["attempt"] for one in slurm.asked() if one["id"].startswith(f"{key}@")]
    assert attempts == list(range(1, len(attempts) + 1)) and len(attempts) >= 3


def test_an_array_never_leaves_its_home_where_it_would_be_lost(slurm):
    slurm.start_router("site burst")
    slurm.start()
    array = slurm.submit("--gres=gpu:1", "--array=1-4")
    keys = [f"{array}_{task}" for task in (1, 2, 3, 4)]
    slurm.submitted |= dict.fromkeys(keys, slurm.submitted[array])
    slurm.wait(keys, RUN)
    assert set(where(slurm).values()) == {"committed"} and slurm.asked() == []


def test_a_daemon_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(slurm):
    slurm.start_router("spread committed burst 4")
    keys = []
    for _ in range(3):
        keys += slurm.gangs(8)
        slurm.start()
        time.sleep(2)
        slurm.kill("run")
    slurm.start()
    slurm.wait(keys, RUN)
    assert where(slurm) == {key: "burst" if int(key) % 4 == 0 else "committed" for key in keys}


@pytest.mark.parametrize("rule", ["slow", "garbage"])
def test_a_router_that_does_not_answer_well_delays_no_job_beyond_the_deadline(slurm, rule):
    slurm.start_router(rule)
    slurm.start()
    slurm.wait(slurm.gangs(10), RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY
    assert set(where(slurm).values()) == {"committed"}


def test_the_watchdog_lets_jobs_out_when_there_is_no_daemon(slurm):
    slurm.start("watchdog")
    keys = slurm.gangs(10)
    slurm.wait(keys, RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY


@pytest.mark.soak
def test_a_cluster_that_goes_away_and_comes_back_loses_nothing(slurm):
    """A federation forgets what it should have told a cluster that was away: it is told again."""
    slurm.start_router("spread committed burst 2")
    os.kill(int((slurm.slurm / "burst" / "slurmctld.pid").read_text()), signal.SIGTERM)
    slurm.start()
    keys = slurm.gangs(8)
    slurm.wait([key for key in keys if int(key) % 2], RUN)
    assert slurm.stay() <= DEADLINE + LEEWAY + 5  # a look waits as long as a command may take for the one that is away
    slurm.ask("slurmctld", cluster="burst", within=20)
    slurm.wait(keys, RUN)
