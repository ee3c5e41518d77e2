"""Slurm through its own commands, each under a time limit: without one they hang while slurmctld is down."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence

from .outages import as_json
from .settings import Cluster
from .wire import AwayError

TOGETHER = 64  # jobs that one command names
SILENT = re.compile(r"Unable to contact|Connection refused|timed out|Zero Bytes|in standby mode", re.I)


class Commands:
    """squeue, sinfo and scontrol."""

    def __init__(self, clusters: Mapping[str, Cluster], seconds: float) -> None:
        self._seconds = seconds
        self._environments = {name: _environment(cluster) for name, cluster in clusters.items()}

    def jobs(self, cluster: str) -> bytes:
        """All jobs of a cluster, of all partitions and users, without those of other clusters."""
        return self._answer(cluster, ["squeue", "--local", "--all", "--json"])

    def nodes(self, cluster: str) -> bytes:
        """All nodes of a cluster."""
        return self._answer(cluster, ["sinfo", "--local", "--all", "--json"])

    def reservations(self, cluster: str) -> bytes:
        """All reservations of a cluster."""
        printed = self._answer(cluster, ["scontrol", "--local", "--oneliner", "show", "reservation"])
        return as_json(printed.decode(errors="replace"))

    def move(self, cluster: str, keys: Sequence[str], partition: str, to: str | None) -> str:
        """One update for each job: partition and cluster change together, or not at all."""
        target = [f"Partition={partition}"] if to is None else [f"Clusters={to}", f"Partition={partition}"]
        return self._orders(cluster, keys, lambda some: ["scontrol", "update", f"JobId={some}", *target])

    def release(self, cluster: str, keys: Sequence[str]) -> str:
        """Take holds away."""
        return self._orders(cluster, keys, lambda some: ["scontrol", "release", some])

    def gate(self, cluster: str, name: str) -> str:
        """The state of a partition; "" if there is none."""
        done = self._run(cluster, ["scontrol", "--oneliner", "show", "partition", name])
        found = re.search(r" State=(\w+)", done.stdout.decode(errors="replace"))
        return found[1] if done.returncode == 0 and found is not None else ""

    def _orders(self, cluster: str, keys: Sequence[str], words: Callable[[str], list[str]]) -> str:
        complaints = []
        for begin in range(0, len(keys), TOGETHER):
            done = self._run(cluster, words(",".join(keys[begin : begin + TOGETHER])))
            complaints.append(done.stderr.decode(errors="replace").strip() if done.returncode else "")
        return "; ".join(filter(None, complaints))

    def _answer(self, cluster: str, command: list[str]) -> bytes:
        done = self._run(cluster, command)
        if done.returncode:
            raise AwayError(f"{command[0]}: {done.stderr.decode(errors='replace').strip() or done.returncode}")
        return done.stdout

    def _run(self, cluster: str, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._seconds,
                env=self._environments[cluster],
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AwayError(f"{command[0]}: no answer within {self._seconds:g} s") from None
        except OSError as error:
            raise AwayError(f"{command[0]}: {error.strerror}") from None
        told = done.stderr.decode(errors="replace")
        if done.returncode and SILENT.search(told):
            raise AwayError(f"{command[0]}: {told.strip()}")
        return done


def _environment(cluster: Cluster) -> dict[str, str]:
    """The process's own, in plain English, for this cluster; arrays name every task, and times are in seconds."""
    found = os.environ | {"LC_ALL": "C", "SLURM_BITSTR_LEN": "0", "SLURM_TIME_FORMAT": "%s"}
    for name in ("SLURM_CLUSTERS", "SQUEUE_PARTITION", "SQUEUE_STATES", "SQUEUE_USERS", "SINFO_PARTITION"):
        found.pop(name, None)
    if cluster.conf is not None:
        found["SLURM_CONF"] = str(cluster.conf)
    return found
