"""`tidegate serve` and `tidegate slurm run` together, in front of a real slurmctld: the policy that ships decides."""

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.policies import TRAINED
from tidegate.agents.router import audit
from tidegate.agents.router.audit import Entry

from .slurm_rig import HERE, TIDEGATE, Rig, rig
from .toy_router import Client

pytestmark = pytest.mark.slow
DEADLINE = 30  # s, of the watchdog: the default
LEEWAY = 4  # s, for one look, one command, and a machine that does other things
RUN = 120  # s in which Slurm runs what a test submits, machines that boot included
LOADING = 240  # s in which a router has begun, where kernels are compiled first
POLICY = TRAINED / "generalist"  # of those that ship the one for two to four sites
LAB = HERE / "large.toml"
EACH = "64"  # accelerators of a node: in training no mean job took more than a hundredth of a cluster
CLASSES = ("research", "prototyping", "evaluation", "variants", "sft")
TABLE = "table = { " + ", ".join(f'{name} = "{name}"' for name in CLASSES) + " }\n"


@pytest.fixture(scope="module")
def hybrid() -> Iterator[Rig]:
    with rig("hybrid", {"EACH": EACH}) as made:
        yield made


@pytest.fixture
def slurm(hybrid: Rig) -> Iterator[Rig]:
    hybrid.configure(watchdog_seconds=DEADLINE, timeout_seconds=5, scenario=LAB.name, classes=TABLE)
    yield hybrid
    hybrid.reset()


def serve(slurm: Rig, log: Path) -> Client:
    """The real router, in a process of its own, on the log that there is; back when it says that it listens."""
    place = slurm.base / "router.sock"
    words = [*TIDEGATE, "serve", POLICY, "--scenario", LAB, "--audit", log, "--socket", place]
    told = slurm.base / "serve.out"
    with told.open("wb") as out, (slurm.base / "serve.err").open("ab") as errors:
        slurm.processes["router"] = subprocess.Popen([*map(str, words)], stdout=out, stderr=errors)
    slurm.until(lambda: told.read_text().endswith("}\n"), LOADING)
    return Client(place)


def entries(log: Path) -> list[Entry]:
    """All that was decided."""
    found = audit.opened(log, read_only=True)
    try:
        return audit.entries(found)
    finally:
        found.close()


def submit(slurm: Rig, count: int) -> list[str]:
    """Gang jobs of 1 to 16 accelerators and of five classes, twenty a second: a flood would be none of training's."""
    keys = []
    for index in range(count):
        options = f"--gres=gpu:{1 + index % 8}", f"--nodes={1 + index % 2}", "--time=90"
        keys.append(slurm.submit(*options, f"--comment={CLASSES[index // 8 % len(CLASSES)]}"))
        time.sleep(0.05)
    return keys


def require_no_refusal_but_of_jobs_that_may_have_started(slurm: Rig) -> None:
    """States are all accepted, and questions too, but where a job of a queue has started in the router's world."""
    told = Client(slurm.base / "router.sock").call("GET", "/metrics")[1].decode()
    counts = re.findall(r'tidegate_refusals_total\{status="(\d+)"\} (\S+)', told)
    assert {status for status, count in counts if float(count) > 0} <= {"409"}
    said = re.findall(r"job (\S+): router: (.*)", slurm.told())
    assert [reason for _, reason in said if not reason.endswith("does not wait")] == []
    decided = set(re.findall(r"job (\S+): \w+, attempt \d+, by", slurm.told()))
    assert {job for job, _ in said} <= decided  # each had an answer before, or gets one later


def require_agreement(slurm: Rig, found: list[Entry], keys: list[str]) -> None:
    """Every job ran where the router's log says last; or before, where Slurm says that it had started by then; or at
    the default site, where the daemon says that the watchdog had to act.
    """
    answers: dict[str, list[str]] = {}
    for one in found:
        answers.setdefault(one.job.split("@")[0], []).append(one.action)
    late = set(re.findall(r"(?:already finished|no longer pending execution) for job (\S+)", slurm.told()))
    rescued = set(re.findall(r"job (\S+): committed, attempt \d+, by watchdog", slurm.told()))
    where = {key: partition for key, _, partition, _ in slurm.runs()}
    for key in keys:
        if key in rescued:
            assert where[key] == "committed"
        elif key in late:
            assert where[key] in answers[key]
        else:
            assert where[key] == answers[key][-1], (key, answers[key])


def differences(log: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """Decisions that `tidegate audit replay` has made again, and those of them that came out otherwise."""
    capsys.readouterr()
    cli.main(["audit", "replay", str(log), "--bundle", str(POLICY), "--scenario", str(LAB), "--json"])
    told = json.loads(capsys.readouterr().out)
    return told["decisions"], len(told["differences"])


def test_the_policy_that_ships_routes_two_hundred_gang_jobs_through_the_real_router(slurm, tmp_path, capsys):
    log = tmp_path / "audit.db"
    assert serve(slurm, log).call("POST", "/v1/share", b'{"share": 1}')[0] == 200
    slurm.start()
    slurm.until(lambda: "jobs wait for the router" in slurm.told(), LOADING)
    other = slurm.submit("-p", "committed", "--nodes=4", "--gres=gpu:60", "--time=600", seconds=600)
    slurm.until(lambda: len(slurm.runs()) == 1)  # most of what is committed is taken, until all have come
    keys = submit(slurm, 200)
    slurm.ask("scancel", other)
    delays = slurm.wait(keys, RUN)
    found, stay = entries(log), slurm.stay()
    require_no_refusal_but_of_jobs_that_may_have_started(slurm)
    assert "no answer" not in slurm.told()
    require_agreement(slurm, found, keys)
    first = Counter((one.by, one.why.split(":")[0]) for one in found if one.attempt == 1)
    assert sum(first.values()) == 200
    assert set(first) <= {("policy", "familiar"), ("baseline", "unfamiliar")}
    assert first["policy", "familiar"] >= 50
    assert {one.action for one in found if one.by == "policy"} - {"hold"} == {"committed", "burst"}
    slurm.kill("router")  # a job that waits is asked about again, until nobody answers: the log stays as it is
    assert differences(log, capsys) == (len(entries(log)), 0)
    print(f"200 jobs, {dict(first)}: longest in the gate {stay:.1f} s, until it ran {max(delays.values()):.1f} s")


def test_a_router_that_is_killed_and_begins_again_on_its_log_loses_nothing_and_doubles_nothing(slurm, tmp_path, capsys):
    log = tmp_path / "audit.db"
    serve(slurm, log).call("POST", "/v1/share", b'{"share": 1}')
    slurm.start()
    slurm.until(lambda: "jobs wait for the router" in slurm.told(), LOADING)
    keys = submit(slurm, 100)
    slurm.until(lambda: len(entries(log)) > 0)
    slurm.kill("router")
    before = len(entries(log))
    keys += submit(slurm, 40)
    serve(slurm, log)
    keys += submit(slurm, 60)
    slurm.wait(keys, RUN)
    found, stay = entries(log), slurm.stay()
    assert stay <= DEADLINE + LEEWAY
    require_no_refusal_but_of_jobs_that_may_have_started(slurm)
    assert 0 < before < len(found)
    assert {one.share for one in found} == {1.0}  # the log has it, and gives it to the next one
    require_agreement(slurm, found, keys)
    slurm.kill("router")  # a job that waits is asked about again, until nobody answers: the log stays as it is
    assert differences(log, capsys) == (len(entries(log)), 0)
    print(f"killed after {before} of {len(found)} decisions: longest in the gate {stay:.1f} s")
