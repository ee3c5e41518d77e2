"""Reservations for maintenance: from Slurm's JSON, or from what scontrol prints, to nodes that will be away."""

import json
import re
from collections.abc import Iterator
from itertools import product

from .job import Outage
from .reading import UnreadableError, rows

MAINTENANCE = "MAINT"  # the flag of a reservation during which no job runs on its nodes
MOST = 100_000  # nodes of one reservation


def outages_of(content: bytes | str) -> list[Outage]:
    """The reservations for maintenance of one cluster, by their beginning. Others keep nodes for jobs of somebody."""
    try:
        found = [
            Outage(int(row["start_time"]), int(row["end_time"]), frozenset(names_of(row.get("node_list") or "")))
            for row in rows(content, "reservations")
            if MAINTENANCE in row["flags"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"a reservation in what Slurm said is none: {error!r}") from None
    return sorted(found, key=lambda outage: (outage.begins, outage.ends))


def as_json(printed: str) -> bytes:
    """What `scontrol --oneliner show reservation` prints, as slurmrestd says it; times are seconds since 1970."""
    found = []
    for line in printed.splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        if "ReservationName" in fields:
            times = {"start_time": fields.get("StartTime"), "end_time": fields.get("EndTime")}
            nodes = fields.get("Nodes", "").replace("(null)", "")
            found.append({"flags": fields.get("Flags", "").split(","), "node_list": nodes, **times})
    return json.dumps({"reservations": found}).encode()


def names_of(text: str) -> Iterator[str]:
    """a1, a2, a3, b of `a[1-3],b`; numbers keep their zeros. Raises ValueError for more nodes than a cluster has."""
    count = 0
    for part in re.findall(r"(?:\[[^\]]*\]|[^,\[])+", text):
        pieces = [_choices(piece) for piece in re.findall(r"\[[^\]]*\]|[^\[]+", part)]
        for chosen in product(*pieces):
            count += 1
            if count > MOST:
                raise ValueError(f"nodes of a reservation, more than {MOST}")
            yield "".join(chosen)


def _choices(piece: str) -> list[str]:
    """What one piece of a name may be: 08, 09, 10 of `[08-10]`."""
    if not piece.startswith("["):
        return [piece]
    found = list[str]()
    for item in piece[1:-1].split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", item)
        if match is None or int(match[2] or match[1]) - int(match[1]) > MOST:
            raise ValueError(f"nodes of a reservation, {piece}")
        found += [f"{number:0{len(match[1])}d}" for number in range(int(match[1]), int(match[2] or match[1]) + 1)]
    return found
