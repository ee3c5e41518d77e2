"""What is known to come: maintenance that was announced, and deadlines."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents.slurm.job import Node, Outage
from tidegate.agents.slurm.outages import as_json, names_of, outages_of
from tidegate.agents.slurm.reading import UnreadableError
from tidegate.agents.slurm.settings import Place
from tidegate.agents.slurm.supply import announced
from tidegate.envs.present import present
from tidegate.envs.snapshot import Snapshot
from tidegate.fastsim.units import HOUR

from .fake_slurm import BEGIN, Bench, lab

# What scontrol of 22.05.8 prints; `soon` is a reservation of nodes for a group.
PRINTED = """\
ReservationName=repair StartTime=1796003600 EndTime=1796007200 Duration=01:00:00 Nodes=c[1-2],c4 NodeCnt=3 CoreCnt=6 \
Features=(null) PartitionName=(null) Flags=MAINT,IGNORE_JOBS,SPEC_NODES TRES=cpu=6 Users=root State=INACTIVE
ReservationName=soon StartTime=1796000000 EndTime=1796009200 Duration=02:33:20 Nodes=c3 NodeCnt=1 CoreCnt=2 \
Features=(null) PartitionName=(null) Flags=SPEC_NODES TRES=cpu=2 Users=(null) Groups=(null) Accounts=vision State=ACTIVE
ReservationName=cores StartTime=1796000000 EndTime=1796009200 Nodes=(null) Flags=MAINT State=ACTIVE
"""
PLACE = Place(name="committed", partition="gpu", accelerators_per_node=8)


def node(name: str, *, is_there: bool = True, partition: str = "gpu") -> Node:
    return Node(name, (partition,), None, None, is_there, is_busy=False)


def reserved(begins: float, ends: float, nodes: str, *flags: str) -> dict[str, Any]:
    return {"start_time": int(begins), "end_time": int(ends), "node_list": nodes, "flags": ["MAINT", *flags]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("a", ["a"]),
        ("a1,b", ["a1", "b"]),
        ("c[1-3]", ["c1", "c2", "c3"]),
        ("n[008-010,12]x,m", ["n008x", "n009x", "n010x", "n12x", "m"]),
        ("r[1-2]n[0,5]", ["r1n0", "r1n5", "r2n0", "r2n5"]),
    ],
)
def test_lists_of_nodes_are_spelled_out(text, names):
    assert list(names_of(text)) == names


@pytest.mark.parametrize("text", ["c[1-]", "c[a-b]", "c[1-999999999]", "c[1-90000]d[1-90000]"])
def test_a_list_of_nodes_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="nodes of a reservation"):
        list(names_of(text))
    with pytest.raises(UnreadableError):
        outages_of(json.dumps({"reservations": [reserved(1, 2, text)]}))


def test_maintenance_counts_and_other_reservations_do_not():
    assert outages_of(as_json(PRINTED)) == [
        Outage(1_796_000_000, 1_796_009_200, frozenset()),
        Outage(1_796_003_600, 1_796_007_200, frozenset({"c1", "c2", "c4"})),
    ]
    assert outages_of(as_json("No reservations in the system\n")) == []


@pytest.mark.parametrize("content", ["", "[]", '{"reservations": {}}', '{"reservations": [{"flags": ["MAINT"]}]}'])
def test_what_is_no_list_of_reservations_is_refused(content):
    with pytest.raises(UnreadableError):
        outages_of(content)


def test_capacity_goes_with_the_nodes_and_comes_back():
    nodes = [*(node(f"c{index}") for index in range(1, 5)), node("other", partition="cpu")]
    outages = [Outage(100, 200, frozenset({"c1", "c2", "other"})), Outage(150, 300, frozenset({"c2", "c3"}))]
    assert announced(PLACE, nodes, outages, 32, 50) == [(100, 16), (150, 8), (200, 16), (300, 32)]
    assert announced(PLACE, nodes, outages, 20, 50) == [(100, 4), (150, 0), (200, 4), (300, 20)]  # others hold 12
    assert announced(PLACE, nodes, [Outage(100, 200, frozenset({"other"}))], 32, 50) == []
    assert announced(PLACE, nodes, [Outage(10, 20, frozenset({"c1"}))], 32, 50) == []


def test_what_is_under_maintenance_now_comes_back_and_what_is_broken_does_not():
    nodes = [node("c1", is_there=False), node("c2", is_there=False), node("c3")]
    assert announced(PLACE, nodes, [Outage(10, 100, frozenset({"c1"}))], 8, 50) == [(100, 16)]


def test_a_router_is_told_of_maintenance_and_a_policy_sees_it(tmp_path):
    bench = Bench(tmp_path)
    now = bench.slurm.now
    bench.slurm.reserved = [
        reserved(now + 3600, now + 7200, "committed[0-2]"),
        reserved(now - 3600, now, "burst[0-7]", "SPEC_NODES"),
    ]
    bench.slurm.submit("1")
    bench.daemon.step()
    state = bench.router.states[-1]
    committed = next(site for site in state["sites"] if site["name"] == "committed")
    coming = [(step["at_ms"] - state["now_ms"], step["capacity"]) for step in committed["announced"]]
    assert coming == [(HOUR, 8), (2 * HOUR, 32)]
    snapshot = Snapshot.model_validate_json(json.dumps(state))
    worlds = present(snapshot, lab().scenario).worlds()
    assert [int(notice.capacity) for notice in worlds.spec.notices] == [8, 32]


def test_deadlines_are_told_where_the_scenario_says_what_a_miss_costs(tmp_path: Path):
    bench = Bench(tmp_path, job_class={"by": "account", "default": "research", "table": {"team": "sft"}})
    deadline = BEGIN + 7200
    bench.slurm.submit("1", deadline=deadline, account="team")
    bench.slurm.submit("2", account="team")
    bench.slurm.submit("3", deadline=deadline)
    bench.daemon.step()
    with_one, without, unpriced = bench.router.states[-1]["jobs"]
    sft = next(cls for cls in lab().scenario.classes if cls.name == "sft")
    assert sft.deadline is not None
    assert with_one["deadline_ms"] == lab().ms(deadline)
    assert with_one["penalty"] == round(8 * sft.deadline.penalty_per_hour * 1_000_000)  # eight accelerators, an hour
    assert [one.get("deadline_ms") for one in (without, unpriced)] == [None, None]


@pytest.mark.parametrize("content", [b"", b'{"reservations": [{"flags": ["MAINT"]}]}'])
def test_jobs_are_routed_where_maintenance_is_not_known(content, tmp_path, monkeypatch, caplog):
    bench = Bench(tmp_path)
    monkeypatch.setattr(bench.slurm, "reservations", lambda cluster: content)
    bench.slurm.submit("1")
    bench.daemon.step()
    assert bench.slurm.where() == {"1": "committed"}
    assert "cluster local: maintenance is not known" in caplog.text
