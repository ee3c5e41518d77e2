"""From Slurm's JSON (squeue, sinfo and slurmrestd speak the same, v0.0.38) to jobs and nodes."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .job import Job, Node, State

STATES: dict[str, State] = {"PENDING": "pending", "CONFIGURING": "starting", "RUNNING": "running"}
STATES |= {"SUSPENDED": "running"}
FIELDS = ("qos", "account", "wckey", "comment", "user_name")
UP = {"idle", "mixed", "allocated"}
AWAY = {"DRAIN", "FAIL", "INVALID_REG", "MAINTENANCE", "REBOOT_ISSUED", "REBOOT_REQUESTED"}
UNREADY = ("Dependency", "DependencyNeverSatisfied", "BeginTime")
HELD = {"JobHeldUser", "JobHeldAdmin"}
REVOKED = "REVOKED"  # at its origin: it is with another cluster of the federation
NEVER = 2**32 - 2  # how Slurm writes what is infinite, or not set


class UnreadableError(ValueError):
    """What came is not what Slurm says."""


def rows(content: bytes | str, key: str) -> list[dict[str, Any]]:
    """The records of an answer. Raises UnreadableError where it is none."""
    try:
        found = json.loads(content)[key]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(f"no {key} in what Slurm said: {type(error).__name__}") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise UnreadableError(f"{key} in what Slurm said is no list of records")
    return found


def nodes_of(content: bytes | str, gres: str) -> list[Node]:
    """The nodes of one cluster."""
    try:
        return [_node(row, gres) for row in rows(content, "nodes")]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"a node in what Slurm said is none: {error!r}") from None


def _node(row: dict[str, Any], gres: str) -> Node:
    flags = set(row.get("state_flags") or ())
    is_silent = "NOT_RESPONDING" in flags and not flags & {"POWERING_UP", "POWERED_DOWN", "POWERING_DOWN"}
    return Node(
        name=row["name"],
        partitions=tuple(row["partitions"]),
        accelerators=_declared(row.get("gres") or "", gres),
        used=_declared(row.get("gres_used") or "", gres),
        is_there=row["state"] in UP and not flags & AWAY and not is_silent,
        is_busy=bool(row.get("alloc_cpus")),
    )


def _declared(text: str, gres: str) -> int | None:
    """8 of `gpu:h100:8(S:0-1)`; None where there is none of that name."""
    counts = re.findall(rf"(?:^|,){re.escape(gres)}(?::[^:,()]+)?:(\d+)", text)
    return sum(map(int, counts)) if counts else None


def jobs_of(contents: dict[str, bytes | str], gres: str, home: str) -> list[Job]:
    """The jobs of one cluster or of a federation, by submission; siblings are one job.

    Of clusters beside `home` only jobs of the federation count: the numbers of others are not theirs alone. A sibling
    whose origin does not know the job, or is away, is a ghost: whoever moved it might run it twice.
    """
    records: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    try:
        for cluster, content in contents.items():
            for row in rows(content, "jobs"):
                if cluster == home or row.get("federation_origin"):
                    for key in _keys(row):
                        records.setdefault(key, []).append((cluster, row))
        found = [_job(key, origin, siblings, gres) for key, siblings in records.items() for origin in _origin(siblings)]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"a job in what Slurm said is none: {error!r}") from None
    return sorted(found, key=lambda job: (job.submitted, _number(job.key)))


def _number(key: str) -> tuple[int, ...]:
    return tuple(int(part) for part in key.split("_"))


def _keys(row: dict[str, Any]) -> Iterator[str]:
    """The job's number, or those of the tasks that a record of an array stands for."""
    if row["job_id"] is None:  # the rest of a job that has left a federation's cluster
        return
    array = row.get("array_job_id") or 0
    if not array:
        yield str(row["job_id"])
    elif row.get("array_task_id") is not None:
        yield f"{array}_{row['array_task_id']}"
    else:
        yield from (f"{array}_{task}" for task in tasks(row.get("array_task_string") or ""))


def tasks(text: str) -> Iterator[int]:
    """1, 3, 4 of `1,3-4%2`; 0, 2, 4 of `0-4:2`."""
    for part in text.split("%")[0].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if match is None:
            if part:
                raise ValueError(f"tasks of an array, {text}")
            return
        first, last, step = match[1], match[2] or match[1], match[3] or "1"
        yield from range(int(first), int(last) + 1, int(step))


Record = tuple[str, dict[str, Any]]  # of a job in one cluster


def _origin(siblings: Iterable[Record]) -> list[Record]:
    """The record of the cluster that a job was submitted to, if there is one."""
    return [one for one in siblings if one[1].get("federation_origin", "") in ("", one[0])][:1]


def _standing(origin: Record, siblings: Iterable[Record]) -> Record:
    """The record of the cluster in which a job runs, or else waits. Where its origin says that it has ended, it has."""
    state = origin[1]["job_state"]
    if state not in STATES and state != REVOKED:
        return origin
    alive = [one for one in siblings if one[1]["job_state"] in STATES]
    running = [one for one in alive if STATES[one[1]["job_state"]] != "pending"]
    return next(iter(running if running else [origin] if state in STATES else alive), origin)


def _is_under_way(origin: Record, siblings: Sequence[Record]) -> bool:
    """Its origin has sent a job to another cluster, which does not know it yet: it waits."""
    wanted = origin[1].get("federation_siblings_viable") or ""
    return origin[1]["job_state"] == REVOKED and wanted not in ("", origin[0], *(name for name, _ in siblings))


def _is_delivered(origin: Record, siblings: Iterable[Record]) -> bool:
    """The cluster that a job was sent to knows what its origin has decided."""
    wanted = (origin[1]["partition"], origin[1].get("federation_siblings_viable"))
    known = [(one["partition"], one.get("federation_siblings_viable")) for name, one in siblings if name == wanted[1]]
    return not wanted[1] or "," in wanted[1] or wanted in known


def _job(key: str, origin: Record, siblings: Sequence[Record], gres: str) -> Job:
    """One job of its records in all clusters: moved by its origin's, standing where it is alive."""
    home, first = origin
    cluster, row = _standing(origin, siblings)
    is_under_way = _is_under_way(origin, siblings)
    nodes = max(1, _whole(row.get("node_count")) or 1)
    reason, priority = row.get("state_reason") or "", row.get("priority")
    return Job(
        key=key,
        submitted=_whole(first["submit_time"]) or 0,
        eligible=_whole(row.get("eligible_time")) or 0,
        cluster=first["federation_siblings_viable"] if is_under_way else cluster,
        home=home,
        partition=first["partition"],
        viable=frozenset(filter(None, (first.get("federation_siblings_viable") or "").split(","))),
        state="pending" if is_under_way else STATES.get(row["job_state"], "gone"),
        is_held=priority == 0,
        is_held_by_user=priority == 0 and reason != "JobHeldAdmin",
        is_ready=reason not in UNREADY,
        nodes=nodes,
        accelerators=_asked(row, nodes, gres),
        limit=None if (minutes := _whole(row.get("time_limit"))) is None else minutes * 60,
        started=_whole(row.get("start_time")) or 0,
        ends=_whole(row.get("end_time")) or 0,
        deadline=_whole(row.get("deadline")) or 0,
        fields={name: row.get(name) or "" for name in FIELDS},
        is_array=bool(row.get("array_job_id")),
        is_mixed=bool(row.get("het_job_id")),
        is_delivered=_is_delivered(origin, siblings),
    )


def _whole(value: Any) -> int | None:
    """A number; None where it is not set, or infinite."""
    return value if isinstance(value, int) and 0 <= value < NEVER else None


def _asked(row: dict[str, Any], nodes: int, gres: str) -> int:
    """Accelerators of the whole job; 0 where it names none."""
    for key in ("tres_alloc_str", "tres_req_str"):  # totals, where the cluster accounts for them
        match = re.search(rf"(?:^|,)gres/{re.escape(gres)}=(\d+)", row.get(key) or "")
        if match:
            return int(match[1])
    each = {"tres_per_job": 1, "tres_per_node": nodes, "tres_per_task": max(1, _whole(row.get("tasks")) or 1)}
    for key, times in each.items():
        pattern = rf"(?:^|,)gres[:/]{re.escape(gres)}(?::[A-Za-z_][^:,=]*)?(?:[:=](\d+))?(?=,|$)"
        counts = [int(count or 1) for count in re.findall(pattern, row.get(key) or "")]
        if counts:
            return sum(counts) * times
    return 0
