"""job_submit.lua in a real slurmctld: where the router says, within the deadline, and open where it fails."""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .slurm_rig import Rig, rig

pytestmark = pytest.mark.slow
SHIM = Path(__file__).parents[1] / "docs" / "deploy" / "job_submit.lua"
RUN = 60  # s in which Slurm runs what a test submits


def has_lua() -> bool:
    """The libraries of the shim are installed."""
    found = subprocess.run(["dpkg", "-s", "lua-socket", "lua-cjson"], capture_output=True, check=False)
    return shutil.which("dpkg") is not None and found.returncode == 0


@pytest.fixture(scope="module")
def loaded() -> Iterator[Rig]:
    if shutil.which("dpkg") is None or not has_lua():
        pytest.skip("no lua-socket and lua-cjson here")
    folder = Path(tempfile.mkdtemp(prefix="tidegate-", dir="/tmp"))
    text = SHIM.read_text(encoding="utf-8")
    text, count = re.subn(r'socket = "/run/tidegate/router\.sock"', f'socket = "{folder / "sock"}"', text)
    assert count == 1
    (folder / "job_submit.lua").write_text(text)
    with rig("hybrid", {"JOB_SUBMIT_LUA": str(folder / "job_submit.lua")}) as made:
        made.configure()
        made.boot()
        yield made
    shutil.rmtree(folder)


@pytest.fixture
def slurm(loaded: Rig) -> Iterator[Rig]:
    yield loaded
    loaded.reset()


def router(slurm: Rig, rule: str) -> None:
    """A router at the place that the shim knows."""
    text = (slurm.slurm / "etc" / "job_submit.lua").read_text()
    place = re.search(r'socket = "([^"]+)"', text)
    assert place is not None
    slurm.start_router(rule, Path(place[1]))


def seconds_to_submit(slurm: Rig, count: int) -> tuple[list[str], float]:
    """Keys, and the mean time of a submission."""
    began = time.monotonic()
    keys = [slurm.submit("--gres=gpu:1") for _ in range(count)]
    return keys, (time.monotonic() - began) / count


def test_a_job_is_where_the_router_says_when_it_has_been_submitted(slurm):
    router(slurm, "spread committed burst 2")
    keys, _ = seconds_to_submit(slurm, 10)
    slurm.wait(keys, RUN)
    partitions = [partition for _, _, partition, _ in slurm.runs()]
    assert sorted(partitions) == ["burst"] * 5 + ["committed"] * 5
    (asked, *_) = slurm.asked()
    assert asked["attempt"] == 1 and asked["job"]["gang"] == 1 and asked["job"]["requested_ms"] == 300_000


def test_a_hold_leaves_the_job_in_the_gate_for_the_daemon(slurm):
    router(slurm, "hold committed")
    key = slurm.submit("--gres=gpu:8", "--nodes=2")
    assert slurm.partition(key) == "gate"
    assert slurm.asked()[0]["job"]["gang"] == 16


@pytest.mark.parametrize("rule", ["slow", "drip", "garbage", "strange", "fewer", "busy", None])
def test_a_router_that_fails_costs_the_deadline_and_no_job(slurm, rule):
    if rule is not None:
        router(slurm, rule)
    _, plain = seconds_to_submit_straight(slurm, 5)
    keys, mean = seconds_to_submit(slurm, 5)
    assert mean - plain < 0.050 + 0.100  # the deadline, and what a busy machine adds
    slurm.wait(keys, RUN)
    assert {partition for _, _, partition, _ in slurm.runs()} == {"committed"}
    assert "tidegate: no answer" in (slurm.slurm / "slurmctld.log").read_text()


def seconds_to_submit_straight(slurm: Rig, count: int) -> tuple[list[str], float]:
    """As above, of jobs that are not asked about."""
    began = time.monotonic()
    keys = [slurm.submit("--gres=gpu:1", "-p", "committed") for _ in range(count)]
    return keys, (time.monotonic() - began) / count
