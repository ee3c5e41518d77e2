"""What Slurm says, read: recorded answers of 22.05.8, states of nodes, arrays, and siblings in a federation."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.agents.slurm.gate import Order, fallback, order, reach, waits_for_router
from tidegate.agents.slurm.reading import UnreadableError, jobs_of, nodes_of, tasks

from .fake_slurm import settings_of

RECORDED = Path(__file__).parent / "slurm" / "recorded"


def recorded() -> dict:
    jobs = jobs_of({"local": (RECORDED / "squeue.json").read_text()}, "gpu", "local")
    return {job.key: job for job in jobs}


def row(key: int, **changes: Any) -> dict[str, Any]:
    plain = {"job_id": key, "job_state": "PENDING", "partition": "gate", "submit_time": 100, "priority": 1}
    return plain | {"tres_per_node": "gres:gpu:8", "node_count": 1} | changes


def told(*rows: dict[str, Any]) -> str:
    return json.dumps({"jobs": rows})


def test_recorded_jobs_are_what_was_submitted():
    jobs = recorded()
    assert set(jobs) == {"1", "2", "3", "4", "5_1", "5_2", "5_3", "6", "7"}
    gangs = {key: job.accelerators for key, job in jobs.items()}
    assert gangs == {"1": 16, "2": 3, "3": 2, "4": 0, "5_1": 1, "5_2": 1, "5_3": 1, "6": 1, "7": 1}
    states = {key: job.state for key, job in jobs.items()}
    assert states["2"] == "starting" and states["3"] == "running" and states["1"] == "pending"
    assert {key for key, job in jobs.items() if job.is_held} == {"1", "5_1", "5_2", "5_3", "6", "7"}
    assert not jobs["4"].is_ready  # it begins in an hour
    assert jobs["1"].limit == 600 and jobs["4"].limit is None
    assert jobs["1"].fields["comment"] == "x y" and jobs["1"].id == f"1@{jobs['1'].submitted}"
    assert jobs["3"].ends - jobs["3"].started == 525_600 * 60


def test_recorded_nodes_are_there_whether_powered_up_or_not():
    nodes = {node.name: node for node in nodes_of((RECORDED / "sinfo.json").read_text(), "gpu")}
    assert len(nodes) == 12 and all(node.is_there and node.accelerators == 8 for node in nodes.values())
    assert nodes["b1"].used == 3 and nodes["c1"].used == 2 and nodes["b2"].used == 0
    assert nodes["c1"].partitions == ("committed", "auto")


@pytest.mark.parametrize(
    ("state", "flags", "is_there"),
    [
        ("idle", [], True),
        ("allocated", ["COMPLETING"], True),
        ("idle", ["CLOUD", "POWERED_DOWN"], True),
        ("mixed", ["CLOUD", "NOT_RESPONDING", "POWERING_UP"], True),
        ("idle", ["DRAIN"], False),
        ("mixed", ["NOT_RESPONDING"], False),
        ("idle", ["MAINTENANCE", "RESERVED"], False),
        ("down", [], False),
        ("down", ["CLOUD", "POWERED_DOWN"], False),
        ("unknown", [], False),
        ("future", [], False),
    ],
)
def test_a_node_is_there_where_jobs_may_start_on_it(state, flags, is_there):
    node = {"name": "n", "partitions": [], "state": state, "state_flags": flags, "gres": "gpu:8(S:0-1)"}
    assert nodes_of(json.dumps({"nodes": [node]}), "gpu")[0].is_there == is_there


@pytest.mark.parametrize(
    ("asked", "accelerators"),
    [
        ({"tres_req_str": "cpu=2,gres/gpu=12,gres/gpu:h100=12"}, 12),
        ({"tres_per_node": "gres:gpu:h100:4", "node_count": 3}, 12),
        ({"tres_per_node": "gres:gpu", "node_count": 3}, 3),
        ({"tres_per_node": "gres:gpu:a100:2,gres:gpu:h100:4", "node_count": 2}, 12),
        ({"tres_per_node": "", "tres_per_job": "gres:gpu:5", "node_count": 3}, 5),
        ({"tres_per_node": "", "tres_per_task": "gres:gpu:2", "tasks": 6}, 12),
        ({"tres_per_node": "gres:nvme:4"}, 0),
        ({"tres_per_node": ""}, 0),
    ],
)
def test_accelerators_are_those_of_the_whole_job(asked, accelerators):
    assert jobs_of({"local": told(row(1, **asked))}, "gpu", "local")[0].accelerators == accelerators


def test_tasks_of_an_array_are_named_one_by_one():
    assert list(tasks("1,3-5%2")) == [1, 3, 4, 5]
    assert list(tasks("0-6:2")) == [0, 2, 4, 6]
    assert list(tasks("")) == []
    with pytest.raises(ValueError, match="tasks of an array"):
        list(tasks("1,3-..."))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"jobs": 3}', '{"jobs": [3]}', '{"jobs": [{}]}', "[" * 99999]
)
def test_what_slurm_never_says_is_no_list_of_jobs(content):
    with pytest.raises(UnreadableError):
        jobs_of({"local": content}, "gpu", "local")


# Two clusters


def federation(folder: Path):
    sites = [
        {"name": "committed", "partition": "gpu", "cluster": "a"},
        {"name": "burst", "partition": "gpu", "cluster": "b"},
    ]
    return settings_of(folder, clusters={"a": {}, "b": {}}, sites=sites)


def two(at_a: list[dict[str, Any]], at_b: list[dict[str, Any]]):
    return jobs_of({"a": told(*at_a), "b": told(*at_b)}, "gpu", "a")


def sibling(viable: str, **changes: Any) -> dict[str, Any]:
    return row(67108865, federation_siblings_viable=viable, **{"federation_origin": "a"} | changes)


def test_siblings_are_one_job_that_an_order_sends_to_a_cluster(tmp_path):
    settings = federation(tmp_path)
    (job,) = two([sibling("a,b")], [sibling("a,b")])
    assert waits_for_router(job, settings) and job.home == "a" and job.is_delivered
    assert order(job, "burst", settings) == Order("move", "a", "gpu", "b")
    assert order(job, "committed", settings) == Order("move", "a", "gpu", "a")
    assert order(job, "hold", settings) is None


def test_a_job_stands_where_it_was_sent_and_is_told_again_if_that_was_lost(tmp_path):
    settings = federation(tmp_path)
    revoked = sibling("b", job_state="REVOKED", partition="gpu")
    (there,) = two([revoked], [sibling("b", partition="gpu")])
    assert (there.cluster, there.state, there.is_delivered) == ("b", "pending", True)
    assert order(there, "burst", settings) is None
    (lost,) = two([revoked], [sibling("a,b", partition="gate")])
    assert not lost.is_delivered and order(lost, "burst", settings) == Order("move", "a", "gpu", "b")
    (under_way,) = two([revoked], [])
    assert (under_way.cluster, under_way.state, under_way.is_delivered) == ("b", "pending", False)
    (running,) = two([revoked], [sibling("b", partition="gpu", job_state="RUNNING")])
    assert (running.cluster, running.state) == ("b", "running")


def test_what_has_ended_at_its_origin_has_ended_and_what_its_origin_does_not_know_is_a_ghost():
    (ended,) = two([sibling("a", job_state="COMPLETED", partition="gpu")], [sibling("a,b")])
    assert ended.state == "gone"
    (over,) = two([sibling("b", job_state="REVOKED", partition="gpu")], [sibling("b", job_state="COMPLETED")])
    assert over.state == "gone"
    assert two([], [sibling("a,b")]) == []
    assert jobs_of({"b": told(sibling("a,b"))}, "gpu", "a") == []


def test_jobs_of_another_cluster_that_are_in_no_federation_are_not_ours():
    (mine,) = two([row(7)], [row(7, partition="gpu", job_state="RUNNING")])
    assert mine.cluster == "a" and mine.state == "pending"


def test_an_array_stays_in_its_cluster(tmp_path):
    settings = federation(tmp_path)
    (job,) = two([sibling("a", array_job_id=67108865, array_task_id=3)], [])
    assert [place.name for place in reach(job, settings)] == ["committed"]
    assert fallback(job, settings) == settings.place("committed")
    (far,) = two([], [sibling("b", array_job_id=67108865, array_task_id=3, federation_origin="b")])
    assert fallback(far, settings) == settings.place("burst")
