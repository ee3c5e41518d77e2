"""A Slurm in memory, and a router in memory, for tests that kill the daemon anywhere or turn the clock.

It knows what matters here: pending jobs, partitions of which the gate is down, holds, and orders that come too late.
"""

import json
from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from tidegate.agents.slurm.daemon import Daemon
from tidegate.agents.slurm.router import HOLD, Decision, Question, RouterClient
from tidegate.agents.slurm.settings import Settings
from tidegate.agents.slurm.standing import World
from tidegate.agents.slurm.wire import AwayError
from tidegate.envs.scenario import load

LAB = Path(__file__).parent / "slurm" / "lab.toml"
BEGIN = 1_796_000_000  # s since 1970; an hour and more after the origin
ORIGIN = "2026-11-30T00:00:00+00:00"


class Killed(BaseException):
    """The daemon is killed here."""


class FakeSlurm:
    """One controller. `strike` is called before and after every change: it may kill whoever asks for it."""

    def __init__(self) -> None:
        self.now = float(BEGIN)
        self.records: dict[str, dict[str, Any]] = {}
        self.orders: list[tuple[str, str, str]] = []
        self.closed: set[str] = set()  # partitions that let nobody in
        self.is_away = False
        self.away: set[str] = set()  # clusters of a federation
        self.siblings: dict[str, list[dict[str, Any]]] = {}  # records of other clusters
        self.strike: Callable[[], None] = lambda: None
        self.capacity = {"committed": 4, "burst": 8}  # nodes
        self.reserved: list[dict[str, Any]] = []

    def submit(self, key: str, **changes: Any) -> None:
        """A job in the gate, as squeue would show it."""
        self.records[key] = {
            "job_id": int(key),
            "array_job_id": 0,
            "array_task_id": None,
            "job_state": "PENDING",
            "state_reason": "PartitionDown",
            "partition": "gate",
            "priority": 1,
            "submit_time": int(self.now),
            "eligible_time": int(self.now),
            "node_count": 1,
            "tres_per_node": "gres:gpu:8",
            "time_limit": 60,
            "federation_origin": "",
            "comment": "",
        } | changes

    def start(self, key: str) -> None:
        """It runs from now on."""
        ends = int(self.now) + 3600
        self.records[key] |= {"job_state": "RUNNING", "start_time": int(self.now), "end_time": ends, "state_reason": ""}

    def end(self, key: str) -> None:
        """It has run."""
        self.records[key]["job_state"] = "COMPLETED"

    def where(self) -> dict[str, str]:
        """The partition of every job."""
        return {key: record["partition"] for key, record in self.records.items()}

    def jobs(self, cluster: str) -> bytes:
        self._answer(cluster)
        records = list(self.records.values()) if cluster in ("local", "a") else self.siblings.get(cluster, [])
        return json.dumps({"jobs": records}).encode()

    def nodes(self, cluster: str) -> bytes:
        self._answer(cluster)
        nodes = []
        for partition, count in self.capacity.items():
            busy = sum(one["partition"] == partition and one["job_state"] == "RUNNING" for one in self.records.values())
            for index in range(count):
                used = 8 if index < busy else 0
                name, parts = f"{partition}{index}", [partition, "gate"]
                row = {"name": name, "state": "idle", "state_flags": [], "partitions": parts, "alloc_cpus": used}
                nodes.append(row | {"gres": "gpu:h100:8", "gres_used": f"gpu:h100:{used}(IDX:N/A)"})
        return json.dumps({"nodes": nodes}).encode()

    def reservations(self, cluster: str) -> bytes:
        self._answer(cluster)
        return json.dumps({"reservations": self.reserved}).encode()

    def gate(self, cluster: str, name: str) -> str:
        return {"gate": "DOWN", "committed": "UP", "burst": "UP"}.get(name, "")

    def move(self, cluster: str, keys: Sequence[str], partition: str, to: str | None) -> str:
        self._answer()
        complaints = []
        for key in keys:
            self.strike()
            record = self.records[key]
            if record["job_state"] != "PENDING":
                complaints.append(f"Job is no longer pending execution for job {key}")
            elif partition in self.closed:
                complaints.append(f"User's group not permitted to use this partition for job {key}")
            else:
                record["partition"] = partition
                record |= {} if to is None else {"federation_siblings_viable": to}
            self.orders.append(("move", key, partition))
            self.strike()
        return "; ".join(complaints)

    def release(self, cluster: str, keys: Sequence[str]) -> str:
        self._answer()
        for key in keys:
            self.strike()
            self.records[key] |= {"priority": 1, "state_reason": "PartitionDown", "eligible_time": int(self.now)}
            self.orders.append(("release", key, ""))
            self.strike()
        return ""

    def _answer(self, cluster: str = "") -> None:
        self.strike()
        if self.is_away or cluster in self.away:
            raise AwayError("no answer within 10 s")


class FakeRouter(RouterClient):
    """Answers by a rule of (job's key, attempt), the same for ever; or is away."""

    def __init__(self, rule: Callable[[str, int], str]) -> None:
        self.rule, self.asked, self.is_away = rule, list[tuple[str, int]](), False
        self.answers: dict[tuple[str, int], str] = {}
        self.states: list[dict[str, Any]] = []
        self.strike: Callable[[], None] = lambda: None
        self.allowed: list[float] = []

    def tell(self, state: bytes, seconds: float) -> None:
        self._answer(seconds)
        self.states.append(json.loads(state))

    def ask(self, questions: Sequence[Question], seconds: float) -> list[Decision]:
        self._answer(seconds)
        found = []
        for one in questions:
            key = one.id.split("@")[0]
            self.asked.append((key, one.attempt))
            action = self.answers.setdefault((one.id, one.attempt), self.rule(key, one.attempt))
            found.append(Decision(id=one.id, attempt=one.attempt, action=action, by="policy"))
        self.strike()
        return found

    def is_ready(self, seconds: float) -> bool:
        self._answer(seconds)
        return True

    def _answer(self, seconds: float) -> None:
        self.allowed.append(seconds)
        self.strike()
        if self.is_away:
            raise AwayError("router: Connection refused")


def settings_of(folder: Path, **changes: Any) -> Settings:
    """Both sites of tests/slurm/lab.toml."""
    content: dict[str, Any] = {
        "scenario": str(LAB),
        "origin": ORIGIN,
        "default_site": "committed",
        "state": folder / "state.json",
        "router": {"socket": folder / "router.sock"},
        "sites": [{"name": "committed", "partition": "committed"}, {"name": "burst", "partition": "burst"}],
        "job_class": {"by": "account", "default": "research"},
    }
    return Settings.model_validate(content | changes)


@lru_cache(maxsize=1)
def lab() -> World:
    """The scenario, compiled once."""
    return World(settings_of(LAB.parent), load(LAB))


class Bench:
    """A daemon that may be begun anew, between a Slurm and a router in memory."""

    def __init__(
        self, folder: Path, rule: Callable[[str, int], str] = lambda key, attempt: "committed", **changes: Any
    ) -> None:
        self.settings = settings_of(folder, **changes)
        self.world = copy(lab())
        self.world.settings = self.settings
        self.slurm, self.router = FakeSlurm(), FakeRouter(rule)
        self.is_shadow = False
        self.begin()

    def begin(self) -> None:
        """A new process: what the old one held in memory is gone."""
        self.daemon = Daemon(self.world, self.slurm, self.router, shadow=self.is_shadow, now=lambda: self.slurm.now)

    def steps(self, seconds: float, each: float = 1.0) -> None:
        """Let time pass, a step after each pause."""
        until = self.slurm.now + seconds
        while self.slurm.now < until:
            self.daemon.step()
            self.slurm.now += each


__all__ = ["BEGIN", "HOLD", "LAB", "Bench", "FakeRouter", "FakeSlurm", "Killed", "settings_of"]


def spread(key: str, attempt: int) -> str:
    """What a router answers: a third of the jobs go to burst, whichever attempt it is."""
    return "burst" if int(key) % 3 == 0 else "committed"
