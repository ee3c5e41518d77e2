"""The pictures of a page: the episode that is watched is the one that was scored, and they show what it holds."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents.page import burndown, clock, decisions, occupancy, timelines, waits, waterfall
from tidegate.agents.page.page import pictures
from tidegate.envs.scenario import load
from tidegate.envs.traces.read import read
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.log import CAPACITY, OFFER
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, MINUTE

from .evaluated_page import POLICIES, Made, Reader, bounded, everything, small_team

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture(scope="module")
def made() -> Made:
    return small_team()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a job every twenty minutes."""
    path = tmp_path_factory.mktemp("trace") / "trace.csv"
    rows = [f"{number},{1200 * number},{600 + 60 * (number % 50)},{8 + 8 * (number % 3)}" for number in range(1008)]
    path.write_text("\n".join(["job_id,submit_s,runtime_s,gpus", *rows]), encoding="utf-8")
    return path


# The episode that is watched.


def test_what_is_watched_is_what_was_scored(made: Made) -> None:
    assert [one.policy for one in made.seen] == [0, made.names.chosen]
    for one in made.seen:
        rows = made.report.policies[one.policy].rows
        own = rows[rows.episode == 0]
        watched = one.played.rows.copy()
        watched.episode = 0
        for name in rows.dtype.names:
            np.testing.assert_array_equal(watched[name], own[name], err_msg=name)


def test_a_trace_is_watched_as_it_was_scored(recording: Path) -> None:
    traced = Made(load("small_team"), POLICIES[::2], trace=read(recording), episodes=1, load=0.8)
    for one in traced.seen:
        rows = traced.report.policies[one.policy].rows
        assert len(one.played.rows) == len(rows) == 2
        for name in ("burst", "delay", "overage", "overflow", "busy", "used", "finished"):
            np.testing.assert_array_equal(one.played.rows[name], rows[name], err_msg=name)
    reader = Reader(traced.page())
    assert "trace.csv" in reader.words() and "load 0.8" in reader.words()
    assert "pipelines" not in reader.ids()


def test_the_window_is_read_from_its_beginning_to_its_end(made: Made) -> None:
    for one in made.seen:
        assert one.instants[-1] - one.instants[0] == one.played.rows.length.sum()
        assert len(one.readings) == len(one.instants) == len(one.drawn) == len(one.floors)


@pytest.mark.parametrize(("span", "step"), [(7 * DAY, 10 * MINUTE), (90 * DAY, 3 * HOUR), (HOUR, MINUTE)])
def test_a_window_of_any_length_has_at_most_a_thousand_points(span: int, step: int) -> None:
    found = clock.grid(3 * DAY, 3 * DAY + span)
    assert len(found) <= clock.POINTS + 1 and (found[0], found[-1]) == (3 * DAY, 3 * DAY + span)
    assert set(np.diff(found).tolist()) == {step}


def test_capacity_steps_are_among_the_instants(made: Made) -> None:
    for one in made.seen:
        steps = one.log[(one.log[:, 1] == CAPACITY) & (one.log[:, 0] < one.instants[-1]), 0]
        assert len(steps) and np.isin(steps, one.instants).all()


# What the pictures show.


def test_every_picture_says_how_to_read_it_and_in_which_units(made: Made) -> None:
    for picture in everything(made):
        assert len(picture.reading) > 40 and picture.panels
        for panel in picture.panels:
            vertical = {key for key in panel.layout if re.match(r"yaxis", key)}
            named = {
                note["yref"].split()[0].replace("y", "yaxis")
                for note in panel.layout.get("annotations", ())
                if "yref" in note
            }
            assert picture.name == "pipelines" or vertical <= named, picture.name  # its rows have names


def test_plotly_knows_every_word_of_every_picture(made: Made) -> None:
    from plotly.graph_objects import Figure

    for picture in pictures(made.names, made.report, made.seen, bounded(made.report, 20_000.0, float("nan"))):
        for panel in picture.panels:
            Figure({"data": panel.data, "layout": panel.layout})  # raises ValueError for a word that it does not know


def test_colours_are_the_same_in_every_picture(made: Made) -> None:
    found: dict[str, set[str]] = {}
    for picture in everything(made):
        for key in picture.legend:
            if key.group.startswith(("policy", "site")):
                found.setdefault(key.group, set()).add(key.colour)
    assert len(found) == len(made.report.policies) + len(made.report.sites)
    assert {len(colours) for colours in found.values()} == {1}
    assert len({colour for colours in found.values() for colour in colours}) == len(found)


def test_occupancy_adds_up_to_the_use_that_was_metered_and_stays_below_capacity(made: Made) -> None:
    for one in made.seen:
        busy, supply = occupancy.levels(one, "busy"), occupancy.levels(one, "supply")
        used = busy * np.diff(one.instants)[:, None]
        np.testing.assert_allclose(used.sum(axis=0), one.played.rows.busy[:, : one.sites].sum(axis=0), rtol=1e-12)
        assert (busy <= supply + 1e-9).all() and used.sum() > 0


def test_the_drawn_areas_are_the_levels(made: Made) -> None:
    picture = occupancy.occupancy(made.names, made.seen)
    for panel, one in zip(picture.panels, made.seen, strict=True):
        busy = occupancy.levels(one, "busy")
        for site, name in enumerate(made.names.sites):
            drawn = next(trace for trace in panel.data if trace["name"] == name)
            np.testing.assert_allclose(drawn["y"][:-1], busy[:, site], atol=0.051)
            assert len(drawn["x"]) == len(drawn["y"]) == len(one.instants)


def test_the_queue_adds_up_to_the_time_that_was_waited(made: Made) -> None:
    shown = occupancy.most_waiting(made.seen)
    for one in made.seen:
        waited = occupancy.queues(one, shown).sum(axis=1) @ np.diff(one.instants)
        assert waited == pytest.approx(one.played.rows.waiting.sum(), rel=1e-12)


def test_a_line_of_capacity_has_the_capacity_of_every_instant(made: Made) -> None:
    picture, one = occupancy.occupancy(made.names, made.seen), made.seen[0]
    limit = next(trace for trace in picture.panels[0].data if trace["name"] == "capacity with burst")
    place = np.searchsorted(limit["x"], clock.dates(one.instants[:-1]), side="right") - 1
    np.testing.assert_allclose(np.array(limit["y"])[place], occupancy.levels(one, "supply").sum(axis=1), atol=0.051)


def test_the_burn_down_begins_on_plan_and_ends_at_the_readings(made: Made) -> None:
    picture = burndown.burndown(made.names, made.seen)
    assert picture is not None
    (provider,) = burndown.with_floors(made.seen[0])
    above, below = picture.panels
    assert above.title.endswith(made.scenario.providers[provider].name)
    for one in made.seen:
        floors, drawn = one.floors[:, provider], one.drawn[:, provider]
        assert drawn[0] == pytest.approx(floors[0], rel=1e-3) or floors[0] == 0
        at, amounts = burndown.by_period(one, one.floors, provider)
        kept = ~np.isnan(amounts)
        np.testing.assert_allclose(amounts[kept], floors / DOLLAR)
        assert len(at) == len(amounts) and at == sorted(at)
        line = next(trace for trace in below.data if trace["legendgroup"] == f"policy{one.policy}")
        behind = np.array(line["y"], float)[kept] * 1000
        np.testing.assert_allclose(behind, (drawn - floors) / DOLLAR, atol=0.6)


def test_the_waterfall_adds_up(made: Made) -> None:
    first = made.report.policies[0]
    for other in made.report.policies[1:]:
        found = waterfall.steps(first, other)
        difference = (other.avoidable.sum() - first.avoidable.sum()) / DOLLAR / first.sample.weeks
        assert sum(found.values()) == pytest.approx(difference)
    picture = waterfall.waterfall(made.names, made.report)
    assert picture is not None
    for number, panel in enumerate(picture.panels, 1):
        _, totals, moved = panel.data
        before, after = totals["y"]
        assert before + sum(moved["y"]) == pytest.approx(after, rel=2e-3)  # what cannot be seen is left out
        assert after * 1000 == pytest.approx(made.report.weekly(made.report.policies[number].avoidable).value)


def test_lines_of_waits_rise_and_have_the_quantiles_of_the_report(made: Made) -> None:
    for policy in made.report.policies:
        for cls, found in ((None, policy.measures), *enumerate(policy.by_class.values())):
            hours = waits.wait_hours(policy, cls)
            if np.isfinite(found["wait_p50_hours"]):
                assert (np.diff(hours) >= 0).all()
                assert hours[100] == pytest.approx(found["wait_p50_hours"])
                assert hours[190] == pytest.approx(found["wait_p95_hours"])
    picture = waits.waits(made.names, made.report)
    assert picture is not None
    for panel in picture.panels:
        for trace in panel.data:
            assert len(trace["x"]) <= 202 and trace["x"] == sorted(trace["x"]) and trace["y"] == sorted(trace["y"])


def test_every_first_offer_is_counted_once(made: Made) -> None:
    picture = decisions.decisions(made.names, made.seen)
    assert picture is not None
    for one, panel in zip(made.seen, picture.panels, strict=True):
        offers = decisions.first_offers(one)
        assert len(offers) == one.played.rows.first_offers.sum()
        assert len(np.unique(offers[:, 0])) == len(offers)
        for traces in (panel.data[:3], panel.data[3:]):
            assert sum(count for trace in traces for count, _ in trace["customdata"]) == len(offers)


def test_the_place_of_an_offer_is_the_kind_of_its_site(made: Made) -> None:
    one = made.seen[0]
    offers = decisions.first_offers(one)
    rows = {(job, at): place for at, kind, job, place, _ in one.log.tolist() if kind == OFFER}
    kinds = [*(0 if kind == 0 else 1 for kind in occupancy.kinds(one).tolist()), 2]
    assert all(kinds[rows[job, at]] == place for job, at, place in offers.tolist())


def test_timelines_have_what_the_results_have(made: Made) -> None:
    """A job that finished waited as long as its spans say, and last ran where and when its result says."""
    assert timelines.chosen_pipelines(made.seen[0]) == timelines.chosen_pipelines(made.seen[1])
    for one in made.seen:
        chosen = [job for members in timelines.chosen_pipelines(one) for job in members]
        spans = list(timelines.spans_of(one, chosen))
        assert {span.job for span in spans} == set(chosen)
        for job in chosen:
            own = [span for span in spans if span.job == job]
            assert all(before.end <= after.begin for before, after in pairwise(own))
            assert own[0].begin >= one.jobs.arrival[job]
        begun = {span.job: span.begin for span in spans if span.site != timelines.WAITING}
        parents = [(job, place) for job in chosen for place in range(60) if one.jobs.parents[job] >> place & 1]
        ends = {span.job: span.end for span in spans}
        for job, place in parents:
            assert begun[job] >= ends[job - one.jobs.member[job] + place]


def test_members_that_are_alike_share_a_row_where_they_are_many(made: Made) -> None:
    one = made.seen[0]
    for members in timelines.chosen_pipelines(one):
        rows = timelines.rows_of(one, members)
        assert sorted(set(rows)) == list(range(max(rows) + 1))
        kinds = list(
            zip(*(one.jobs[name][members.start : members.stop] for name in ("cls", "gang", "parents")), strict=True)
        )
        for row in set(rows):
            assert len({kind for kind, its in zip(kinds, rows, strict=True) if its == row}) == 1
            assert rows.count(row) == 1 or rows.count(row) > timelines.ALIKE
