"""Real Slurm on loopback for tests: the rigs of tests/slurm, jobs that write down when and where they ran, the daemon.

Everything lies in a folder of its own with a short name (sockets), and only processes that the rig started are ended.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "slurm"
ROUTER = Path(__file__).with_name("fake_router.py")
TIDEGATE = [sys.executable, "-c", "from tidegate.agents.cli import main; main()"]
PROGRAMS = ("slurmctld", "slurmd", "munged", "scontrol", "squeue", "sinfo", "sbatch")
DATABASE = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr")
PORTS = 16  # of one rig, in a row
JOB = """#!/bin/bash
#SBATCH --output=/dev/null
key=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
echo "${{key:-$SLURM_JOB_ID}} $SLURM_CLUSTER_NAME $SLURM_JOB_PARTITION $(date +%s.%N)" >> {log}
sleep ${{1:-0}}
"""


def missing(programs: Sequence[str]) -> str:
    """Why no rig can be had; "" if one can."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm slurmdbd munge mariadb-server"
    return "" if os.geteuid() == 0 else "the rig makes devices, which only root may"


class Rig:
    """Slurm, a fake router and the daemon, in one folder."""

    def __init__(self, kind: str, environment: dict[str, str] | None = None) -> None:
        self.kind, self.base = kind, Path(tempfile.mkdtemp(prefix="tidegate-", dir="/tmp"))
        self.base.chmod(0o755)
        self.slurm = self.base / "s"
        self.port = _free_ports()
        self.ran = self.base / "ran"
        self.ran.touch()
        self.script = self.base / "job.sh"
        self.script.write_text(JOB.format(log=self.ran))
        self.environment = os.environ | {"BASE": str(self.slurm), "PORT": str(self.port)} | (environment or {})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.submitted: dict[str, float] = {}
        with (self.base / "up.log").open("wb") as log:  # a file, no pipe: daemons keep it open
            done = subprocess.run(
                ["bash", str(HERE / kind / "up.sh")],
                env=self.environment,
                stdout=log,
                stderr=log,
                timeout=60,
                check=False,
            )
        assert done.returncode == 0, (self.base / "up.log").read_text()
        self._longest, self._is_over = 0.0, threading.Event()
        threading.Thread(target=self._watch_gate, daemon=True).start()

    @property
    def clusters(self) -> dict[str, Path]:
        """Each with its slurm.conf."""
        if self.kind == "hybrid":
            return {"local": self.slurm / "etc" / "slurm.conf"}
        return {name: self.slurm / name / "etc" / "slurm.conf" for name in ("committed", "burst")}

    def client(self, cluster: str | None = None) -> dict[str, str]:
        """The environment of a command of Slurm."""
        return os.environ | {"SLURM_CONF": str(self.clusters[cluster or next(iter(self.clusters))])}

    def ask(self, *command: object, cluster: str | None = None, within: float = 10) -> str:
        """What a command of Slurm prints. It must succeed."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.client(cluster),
            capture_output=True,
            timeout=within,
            check=False,
            cwd=self.base,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def submit(self, *options: object, seconds: float = 0) -> str:
        """One job's key."""
        began = time.time()
        key = self.ask("sbatch", "--parsable", "--time=5", *options, self.script, seconds).strip().split(";")[0]
        self.submitted[key] = began
        return key

    def gangs(self, count: int, *options: object) -> list[str]:
        """Gang jobs of 1 to 16 accelerators on one or two nodes."""
        return [
            self.submit(f"--gres=gpu:{1 + index % 8}", f"--nodes={1 + index % 2}", *options) for index in range(count)
        ]

    def runs(self) -> list[list[str]]:
        """Key, cluster, partition and time of every run so far."""
        return [line.split() for line in self.ran.read_text().splitlines()]

    def stay(self) -> float:
        """The longest that a job has been in the gate so far, of those that stood there [s]; starts anew."""
        longest, self._longest = self._longest, 0.0
        return longest

    def _watch_gate(self) -> None:
        """Twice a second: how long the jobs of the gate that nobody holds have been there, as their origin sees it."""
        command = ["squeue", "--local", "-h", "-p", "gate", "-t", "PD", "-o", "%r %i"]
        while not self._is_over.wait(0.5):
            done = subprocess.run(command, env=self.client(), capture_output=True, timeout=60, check=False)
            for reason, key in (line.split(maxsplit=1) for line in done.stdout.decode().splitlines()):
                if "Held" not in reason and key in self.submitted:
                    self._longest = max(self._longest, time.time() - self.submitted[key])

    def wait(self, keys: Sequence[str], within: float) -> dict[str, float]:
        """Wait until all have run; each one's delay [s]. None runs twice."""
        until = time.monotonic() + within
        while time.monotonic() < until and not set(keys) <= {run[0] for run in self.runs()}:
            time.sleep(0.2)
        counts = Counter(run[0] for run in self.runs())
        lost = [key for key in keys if key not in counts]
        assert not lost, f"{len(lost)} jobs have not run: {lost[:5]}\n{self.told()}\n{self.queue()}"
        assert {key: count for key, count in counts.items() if count > 1} == {}
        return {run[0]: float(run[3]) - self.submitted[run[0]] for run in self.runs() if run[0] in set(keys)}

    def until(self, is_so: Callable[[], bool], within: float = 20) -> None:
        """Wait until something is so."""
        end = time.monotonic() + within
        while not is_so():
            assert time.monotonic() < end, f"{self.told()}\n{self.queue()}"
            time.sleep(0.1)

    def queue(self) -> str:
        """What squeue prints, of all clusters."""
        return "\n".join(self.ask("squeue", "--local", "--all", cluster=name) for name in self.clusters)

    def partition(self, key: str) -> str:
        """Where a job is."""
        return self.ask("squeue", "--local", "-h", "-j", key, "-o", "%P").strip()

    def gated(self) -> list[str]:
        """Jobs in the gate."""
        return self.ask("squeue", "--local", "-h", "-p", "gate", "-t", "PD", "-o", "%i").split()

    def boot(self) -> None:
        """Power the cloud nodes up, where that is not what is tested: a job may wait half a minute for one."""
        self.ask("scontrol", "update", "NodeName=b[1-8]", "State=POWER_UP")
        self.until(lambda: self.ask("sinfo", "-h", "-p", "burst", "-o", "%T").split() == ["idle"], 60)

    # The router and the daemon

    def configure(self, **changes: Any) -> Path:
        """The daemon's configuration."""
        values = {"watchdog_seconds": 30, "poll_seconds": 0.5, "command_seconds": 5, "timeout_seconds": 2}
        values |= {"scenario": "lab.toml", "classes": ""} | changes
        clusters = "".join(f'[clusters.{name}]\nconf = "{conf}"\n' for name, conf in self.clusters.items())
        places = {"hybrid": ("committed", "burst"), "federation": ("gpu", "gpu")}[self.kind]
        sites = ""
        for name, partition in zip(("committed", "burst"), places, strict=True):
            cluster = "local" if self.kind == "hybrid" else name
            sites += f'[[sites]]\nname = "{name}"\npartition = "{partition}"\ncluster = "{cluster}"\n'
        rest = (
            f'[rest]\nsocket = "{values["rest"]}"\ntoken_file = "{self.base / "token"}"\n' if "rest" in values else ""
        )
        path = self.base / "slurm.toml"
        path.write_text(
            f'scenario = "{HERE / values["scenario"]}"\n'
            'origin = 2026-11-30T00:00:00+00:00\ndefault_site = "committed"\n'
            f'state = "{self.base / "state.json"}"\nwatchdog_seconds = {values["watchdog_seconds"]}\n'
            f"poll_seconds = {values['poll_seconds']}\ncommand_seconds = {values['command_seconds']}\n"
            f'[router]\nsocket = "{self.base / "router.sock"}"\ntimeout_seconds = {values["timeout_seconds"]}\n'
            f'{rest}{clusters}{sites}[job_class]\nby = "comment"\ndefault = "research"\n{values["classes"]}'
        )
        return path

    def rule(self, text: str) -> None:
        """What the router answers from now on."""
        aside = self.base / "rule.new"
        aside.write_text(text)
        aside.replace(self.base / "rule")

    def start_router(self, rule: str, place: Path | None = None) -> None:
        """A process of its own, so that it can be killed; at `place`, or where the configuration says."""
        self.rule(rule)
        place = place or self.base / "router.sock"
        words = [sys.executable, str(ROUTER), *map(str, (place, self.base / "rule", self.base / "asked.jsonl"))]
        with (self.base / "router.out").open("ab") as log:
            self.processes["router"] = subprocess.Popen(words, stdout=log, stderr=log)
        self.until(lambda: _listens(place), 10)

    def asked(self) -> list[dict[str, Any]]:
        """Every question so far."""
        path = self.base / "asked.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [one for row in rows if row["path"] == "/v1/route" for one in row["body"]["requests"]]

    def announced(self) -> list[tuple[float, int]]:
        """What the router was last told to come of the committed site: hours from then, accelerators."""
        path = self.base / "asked.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        states = [row["body"] for row in rows if row["path"] == "/v1/state"]
        sites = [site for site in states[-1]["sites"] if site["name"] == "committed"] if states else []
        return [
            ((step["at_ms"] - states[-1]["now_ms"]) / 3_600_000, step["capacity"])
            for site in sites
            for step in site.get("announced", ())
        ]

    def start(self, what: str = "run", *options: str) -> None:
        """The daemon, or its watchdog, in a process of its own."""
        log = (self.base / f"{what}.log").open("ab")
        words = [*TIDEGATE, "slurm", what, str(self.base / "slurm.toml"), *options]
        self.processes[what] = subprocess.Popen(words, stdout=log, stderr=log)
        log.close()

    def kill(self, what: str) -> None:
        """Kill -9."""
        process = self.processes.pop(what)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def told(self) -> str:
        """The logs of the daemon and of the watchdog."""
        return "\n".join(path.read_text() for path in sorted(self.base.glob("*.log")))

    def reset(self) -> None:
        """No job, no process, no state: as after the rig came up."""
        for what in list(self.processes):
            self.kill(what)
        for name in self.clusters:
            self.ask("scancel", "-u", "root", cluster=name)
        for path in self.base.iterdir():
            if path.name in ("rule", "asked.jsonl", "router.sock") or path.name.startswith(
                ("state.json", "run.log", "watchdog.log")
            ):
                path.unlink()
        self.ran.write_text("")
        self.submitted.clear()
        self.stay()
        self.until(lambda: not self.ask("squeue", "--local", "-h"), 60)
        for name in list(self.clusters)[1:]:  # what is in the gate there has gone at its origin
            self.until(lambda name=name: not self.ask("squeue", "--local", "-h", "-p", "gpu", cluster=name), 60)

    def close(self) -> None:
        """End all that it started."""
        self._is_over.set()
        for what in list(self.processes):
            self.kill(what)
        subprocess.run(["bash", str(HERE / self.kind / "down.sh")], env=self.environment, timeout=60, check=False)
        shutil.rmtree(self.base, ignore_errors=True)


@contextmanager
def rig(kind: str, environment: dict[str, str] | None = None) -> Iterator[Rig]:
    """One, or a test that is skipped."""
    reason = missing(PROGRAMS if kind == "hybrid" else (*PROGRAMS, *DATABASE))
    if reason:
        pytest.skip(f"no Slurm here: {reason}")
    made = Rig(kind, environment)
    try:
        yield made
    finally:
        made.close()


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0


def _free_ports() -> int:
    """The first of a row of ports that nobody has."""
    for first in range(20_000 + os.getpid() % 500 * PORTS, 32_000, PORTS):
        try:
            for port in range(first, first + PORTS):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no ports are free")
