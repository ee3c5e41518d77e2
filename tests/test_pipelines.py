"""Pipelines of jobs: their members, and that they come as the scenario says."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tidegate.envs.demand import NONE
from tidegate.envs.generator import generate
from tidegate.envs.pipelines import MOST_MEMBERS, Pipeline, Stage
from tidegate.envs.scenario import Scenario, load, names
from tidegate.fastsim.units import DAY, HOUR

from .toy_scenario import TOY, edited
from .toy_work import MODEL, STAGES, busy_toy


def world(*pipelines: dict[str, Any]) -> Scenario:
    """The toy with pipelines."""
    return busy_toy(list(pipelines), [])


def members_of(jobs: Any) -> Iterator[Any]:
    """Each pipeline of a stream."""
    begins = np.flatnonzero((jobs.member == 0) & (jobs.partner == NONE))
    ends = np.flatnonzero(jobs.member > 0)
    for begin in begins[np.isin(begins + 1, ends)]:
        end = begin + 1
        while end < len(jobs) and jobs.member[end] > 0:
            end += 1
        yield jobs[begin:end]


@pytest.fixture(scope="module")
def stream() -> Any:
    """A year."""
    return generate(world(MODEL), 4, 0, 364)


@pytest.fixture(scope="module")
def models(stream: Any) -> list[Any]:
    """All pipelines of that year."""
    return list(members_of(stream))


def chain(members: Any) -> int:
    """Longest chain of requested walltimes, from the last member back."""
    ends: list[int] = []
    for job in members:
        parents = [end for parent, end in enumerate(ends) if job.parents >> parent & 1]
        ends.append(max(parents, default=0) + job.requested)
    return max(ends)


def test_members_arrive_at_once_side_by_side_and_numbered(models):
    assert len(models) > 100
    for members in models:
        assert len(set(members.arrival)) == 1
        assert members.member.tolist() == list(range(len(members)))
        assert len(members) in (7, 11)  # 3 and 4, or 3 and 8 that stand for 40


def test_each_stage_has_all_members_of_its_parent_stages_as_parents(models):
    for members in models:
        assert members.parents[:3].tolist() == [0, 0b1, 0b1]
        assert set(members.parents[3:]) == {0b110}
        assert members.cls.tolist() == [0, 0, 0] + [1] * (len(members) - 3)


def test_larger_bursts_become_fewer_larger_jobs(models):
    for members in models:
        assert set(members.gang[3:]) == ({10} if len(members) == 11 else {2})
    assert np.mean([len(members) == 11 for members in models]) == pytest.approx(0.5, abs=0.1)
    assert members_and_fold(4) == (4, 1) and members_and_fold(9) == (5, 2) and members_and_fold(17) == (6, 3)


def members_and_fold(count: int) -> tuple[int, int]:
    return Stage.model_validate(STAGES[3]).folded(count)


def test_partners_name_each_other_and_have_one_walltime(models):
    for members in models:
        assert members.partner.tolist() == [NONE, 2, 1] + [NONE] * (len(members) - 3)
        assert members.walltime[1] == members.walltime[2]
        assert members.requested[1] == members.requested[2]
        billions = 70 if members.gang[0] >= 128 else 1
        assert members.sync.tolist() == [0] + [5 * 2_000 * billions] * 2 + [0] * (len(members) - 3)


def test_large_pipelines_are_large_in_every_stage(models):
    pairs = {(members.gang[0], members.gang[2]) for members in models}
    assert pairs == {(64, 64), (64, 256), (128, 256)}  # 64 has 0.75, of which the lower two thirds meet the lower half


def test_the_first_stage_reads_weights_at_home_and_the_others_what_their_parents_made(models):
    for members in models:
        billions = 70 if members.gang[0] >= 128 else 1
        assert members.input.tolist() == [2_000 * billions] + [0] * (len(members) - 1)
        assert set(members.output[:3]) == {2_000 * billions}
        assert set(members.snapshot[:3]) == {14_000 * billions}


def test_members_have_tags_in_common_where_their_class_has_a_choice(models):
    for members in models:
        assert len(set(members.tags[:3])) == 1
    assert {int(members.tags[0]) for members in models} == {0, 0b010, 0b100}


def test_the_deadline_is_that_of_the_last_stage_and_its_penalty_counts_the_whole(models):
    dated = [members for members in models if members.deadline.any()]
    assert len(dated) / len(models) == pytest.approx(0.5, abs=0.12)
    for members in dated:
        assert not members.deadline[:3].any() and not members.penalty[:3].any()
        last = members[3:]
        requested = chain(members)
        assert set(last.deadline - last.arrival) == {requested + requested // 2 + 2 * HOUR} or requested % 2
        work = int((members.gang * members.requested).sum())
        assert last.penalty.sum() == pytest.approx(work / HOUR * 500_000, abs=2 * len(last))


def test_a_stream_that_is_cut_never_cuts_a_pipeline(stream):
    for days in (1, 17, 100):
        short = generate(world(MODEL), 4, 0, days)
        assert short.tolist() == stream[: len(short)].tolist()
        assert stream.member[len(short)] == 0
        assert len(short) == int((stream.arrival < days * DAY).sum())


def test_a_class_keeps_its_share_when_pipelines_take_part_of_it():
    scenario = world(MODEL, MODEL | {"name": "again", "share": 30, "stages": STAGES[:1]})
    work = np.zeros(2)
    for stream in range(4):
        jobs = generate(scenario, 4, stream, 728)
        work += np.bincount(jobs.cls, jobs.gang * jobs.walltime / HOUR)
    full = float(scenario.offered().work) * 24 * 728 * 4
    assert work / full == pytest.approx([0.6, 0.4], rel=0.03)


def test_pipelines_come_as_often_as_their_share_says(models):
    offered = world(MODEL).offered()
    per_year = 364 * 24 * float(offered.pipelines_per_hour(offered.pipelines[0]))
    assert len(models) == pytest.approx(per_year, abs=4 * per_year**0.5)


@pytest.mark.parametrize("name", names())
def test_shipped_pipelines_have_at_most_sixty_members_with_parents_before_them(name):
    scenario = load(name)
    jobs = generate(scenario, 1, 0, 28)
    assert jobs.member.max() < MOST_MEMBERS
    assert (jobs.parents >> jobs.member == 0).all()
    starts = np.arange(len(jobs)) - jobs.member
    assert (jobs.member[starts] == 0).all()
    assert (jobs.arrival[starts] == jobs.arrival).all()
    paired = np.flatnonzero(jobs.partner != NONE)
    others = starts[paired] + jobs.partner[paired]
    assert (jobs.partner[others] == jobs.member[paired]).all()
    assert (jobs.sync[others] == jobs.sync[paired]).all()


BROKEN = [
    ({"stages": [STAGES[1]]}, "stages\\[0\\].parents: stage, train, none before"),
    ({"stages": [STAGES[0], STAGES[0]]}, "stages\\[1\\].name: name, train, given twice"),
    ({"stages": [STAGES[0] | {"count": {61: 1}}]}, None),
    ({"stages": [STAGES[0] | {"count": {40: 1}}, STAGES[0] | {"name": "b", "count": {40: 1}}]}, "stages: members, 80"),
    ({"stages": [STAGES[0] | {"weight_syncs": 3}]}, "weight_syncs: syncs, 3, it has no partner"),
    ({"stages": [*STAGES[:2], STAGES[2] | {"partner": "nobody"}]}, "partner: stage, nobody, none before"),
    ({"stages": [*STAGES[:2], STAGES[2] | {"count": {2: 1}}]}, "partner: members, 2, only single jobs"),
    ({"stages": [*STAGES[:2], STAGES[2] | {"partner": "train"}]}, "partner: stage, train, it has other parents"),
    ({"stages": [*STAGES[:3], STAGES[2] | {"name": "third"}]}, "partner: stage, generator, it has a partner"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_pipeline_that_does_not_hold_together_is_refused(change, message):
    if message is None:  # folded: 31 jobs of twice the gang
        assert Pipeline.model_validate(MODEL | change).stages[0].folded(61) == (31, 2)
        return
    with pytest.raises(ValidationError, match=message):
        Pipeline.model_validate(MODEL | change)


def test_pipelines_that_bring_more_than_the_share_of_a_class_are_refused():
    with pytest.raises(ValidationError, match=r"classes\[0\].share: share, 60, pipelines alone bring 1\d\d%"):
        world(MODEL | {"share": 80})


def test_a_stage_of_an_unknown_class_is_refused():
    with pytest.raises(
        ValidationError, match=r"pipelines\[0\].stages\[0\].job_class: class, huge, .* use one of large, small"
    ):
        world(MODEL | {"stages": [STAGES[0] | {"job_class": "huge"}]})


def test_data_without_a_home_are_refused():
    content = edited("classes.0.reads_weights", True)
    with pytest.raises(ValidationError, match=r"classes\[0\]: data, large, no home"):
        Scenario.model_validate(content)
    assert TOY["workload"].get("models") is None
