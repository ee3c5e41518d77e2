"""The page of an evaluation: one file, safe with any name, whose pictures show what the report holds."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.bounds import Bounds
from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.page import burndown, clock, decisions, headline, occupancy, placing, timelines, waits, waterfall
from tidegate.agents.page.document import document
from tidegate.agents.page.frontier import frontier
from tidegate.agents.page.names import distinct, names_of, safe, shortened, wrapped
from tidegate.agents.page.observed import observed
from tidegate.agents.page.page import page, pictures
from tidegate.agents.page.placing import placed
from tidegate.agents.verbs.command import command_line
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.traces.read import read
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.log import CAPACITY, OFFER
from tidegate.fastsim.units import DAY, DOLLAR, HOUR, MINUTE

from .toy_scenario import toy

pytest.importorskip("plotly", reason="needs the report extra")
pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")

POLICIES = ("cost-greedy", "committed-only", "first-fit")
VOID = {"meta", "br", "input", "link", "img", "hr"}
LOADING = {"src", "href", "srcset", "data", "action", "poster", "formaction", "background"}


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, texts, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []  # with the element they stand in
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"{tag} closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def ids(self) -> set[str | None]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def words(self) -> str:
        return " ".join(" ".join(text for tag, text in self.texts if tag not in ("script", "style")).split())

    def data(self) -> list[dict[str, Any]]:
        """The pictures, as JSON has them."""
        found = [text for tag, text in self.texts if tag == "script" and text.startswith("[{")]
        return json.loads("".join(found))


class Made:
    """An evaluation, what was watched of it, and its page."""

    def __init__(self, scenario: Scenario, policies: tuple[str, ...], **options: Any) -> None:
        self.scenario, self.agents = scenario, [resolve(name) for name in policies]
        self.trace = options.pop("trace", None)
        self.report = evaluate(scenario, self.agents, seed=3, trace=self.trace, **options)
        self.names = names_of(scenario, self.report)
        self.seen = observed(scenario, self.agents, self.report, self.trace)

    def page(self, **options: Any) -> str:
        return page(self.scenario, self.agents, self.report, trace=self.trace, **options).decode()


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(load("small_team"), POLICIES, episodes=16)  # four stretches: with intervals


@pytest.fixture(scope="module")
def html(made: Made) -> str:
    return made.page(bounds=Bounds(20_000.0, 30_000.0), command="tidegate evaluate small_team --seed 3")


@pytest.fixture(scope="module")
def read_page(html: str) -> Reader:
    return Reader(html)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a job every twenty minutes."""
    path = tmp_path_factory.mktemp("trace") / "trace.csv"
    rows = [f"{number},{1200 * number},{600 + 60 * (number % 50)},{8 + 8 * (number % 3)}" for number in range(1008)]
    path.write_text("\n".join(["job_id,submit_s,runtime_s,gpus", *rows]), encoding="utf-8")
    return path


def everything(made: Made) -> list[Any]:
    return pictures(made.names, made.report, made.seen, None)


# The file.


def test_the_page_is_well_formed(read_page: Reader) -> None:
    assert read_page.open == []
    assert read_page.elements[0][0] == "html"


def test_nothing_in_the_page_loads_anything(html: str, read_page: Reader) -> None:
    """Neither an element nor the style sheet refers to another file, and the page forbids itself to fetch one."""
    assert [pair for pair in read_page.elements if LOADING & pair[1].keys()] == []
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in read_page.elements}
    style = "".join(text for tag, text in read_page.texts if tag == "style")
    assert "url(" not in style and "@import" not in style
    policy = next(a["content"] for t, a in read_page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "http" not in policy


def test_the_library_is_in_the_page_once(html: str) -> None:
    assert html.count("* plotly.js v") == 1


def test_the_page_is_little_more_than_the_library(html: str) -> None:
    from plotly.offline import get_plotlyjs

    assert len(html.encode()) - len(get_plotlyjs().encode()) < 1_500_000


def test_the_page_holds_every_policy_and_every_picture(made: Made, read_page: Reader) -> None:
    shown = {"waterfall", "frontier", "occupancy", "waits", "commitments", "decisions", "pipelines"}
    assert shown <= read_page.ids()
    assert {picture["name"] for picture in read_page.data()} == shown
    for policy in made.report.policies:
        assert policy.name in read_page.words()


def test_the_page_says_what_it_was_made_from(made: Made, read_page: Reader) -> None:
    words = read_page.words()
    for said in (made.report.digest, "tidegate evaluate small_team --seed 3", "Unused commitment is never a saving"):
        assert said in words
    assert made.scenario.title in words


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

    for picture in pictures(made.names, made.report, made.seen, Bounds(20_000.0, float("nan"))):
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


# Names.


NASTY = "<script>alert('1')</script>%{x}&\"</pre>"


def test_a_name_with_markup_stays_a_name(made: Made) -> None:
    policies = tuple(replace(policy, name=f"{NASTY}{number}") for number, policy in enumerate(made.report.policies))
    sites, classes = (tuple(f"{NASTY}{name}" for name in given) for given in (made.report.sites, made.report.classes))
    report = replace(
        made.report,
        scenario=NASTY,
        trace=NASTY,
        digest=NASTY,
        policies=policies,
        sites=sites,
        classes=classes,
        notes=(*made.report.notes, NASTY),
    )
    scenario = made.scenario.model_copy(update={"title": NASTY})
    names = names_of(scenario, report)
    drawn = pictures(names, replace(report, trace=None), made.seen, None)
    reader = Reader(document(names, report, drawn, NASTY))
    calm = replace(made.report, trace="trace", notes=(*made.report.notes, "note"))
    plain = Reader(document(names_of(made.scenario, calm), calm, everything(made), "command"))
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in plain.elements]
    assert NASTY in reader.words()
    texts = json.dumps(reader.data())
    assert "<script" not in texts and "%{x}&" not in texts  # nor does Plotly see markup, or a template


def test_names_are_short_where_they_differ() -> None:
    assert distinct(["cost-greedy", "runs/a/bundle", "runs/b/bundle", "runs/c/other"]) == [
        *("cost-greedy", "runs/a/bundle", "runs/b/bundle", "other")
    ]
    long, twin = "x" * 50, "x" * 49 + "y" + "x" * 50
    assert [len(name) for name in shortened(["first-fit", long])] == [9, 28]
    assert shortened([long, twin]) == [long, twin]
    assert wrapped("cost-greedy") == "cost-<br>greedy"
    assert safe("a & b") == "a &amp; b"


# The headline.


def said(made: Made, low: float, value: float, high: float) -> headline.Headline:
    """The headline of a comparison whose saving is this."""
    first, other = made.report.policies[0], made.report.policies[-1]
    report = replace(made.report, policies=(first, other))
    saving = Interval(value, low, high)
    report.__dict__["comparisons"] = (replace(report.comparisons[0], avoidable=saving, bill=saving),)
    return headline.headline(names_of(made.scenario, report), report)


def test_a_loss_is_called_a_loss(made: Made) -> None:
    found = said(made, -0.4, -0.3, -0.1)
    assert found.verdict == headline.LOSS and "loses" in found.text
    assert "30.0 % of the avoidable cost (95 % interval 10.0 to 40.0 %)" in found.text


def test_a_saving_is_called_one_and_doubt_is_called_doubt(made: Made) -> None:
    found = said(made, 0.1, 0.3, 0.4)
    assert found.verdict == headline.GAIN and "saves" in found.text and "(95 % interval 10.0 to 40.0 %)" in found.text
    for low, high in ((-0.1, 0.4), (float("nan"), float("nan"))):
        found = said(made, low, 0.3, high)
        assert found.verdict == headline.OPEN and found.text.startswith("<b>Undecided")


def test_what_is_invoiced_and_what_is_assumed_make_the_difference(made: Made) -> None:
    found = waterfall.steps(made.report.policies[0], made.report.policies[-1])
    detail = headline.headline(made.names, made.report).detail
    assert f"spends {waterfall.plain(found['burst'] + found.get('overage', 0))} more a week" in detail
    assumed = sum(amount for part, amount in found.items() if part in headline.ASSUMED)
    assert assumed < 0 and f"{waterfall.plain(-assumed)} less." in detail
    assert {*headline.INVOICED, *headline.ASSUMED} == set(waterfall.PARTS)


def test_equal_policies_differ_in_nothing(made: Made) -> None:
    twin = replace(made.report.policies[0], name="twin")
    report = replace(made.report, policies=(made.report.policies[0], twin))
    found = headline.headline(names_of(made.scenario, report), report)
    assert found.verdict == headline.OPEN and "No difference: twin costs what cost-greedy costs" in found.text


def test_the_headline_is_that_of_the_last_policy(made: Made, read_page: Reader) -> None:
    comparison = made.report.comparisons[-1]
    assert f"{100 * abs(comparison.avoidable.value):.1f} % of the avoidable cost" in read_page.words()
    assert f"{100 * abs(comparison.bill.value):.1f} % of the total bill" in read_page.words()


# The episode that is watched.


def test_what_is_watched_is_what_was_scored(made: Made) -> None:
    assert [one.policy for one in made.seen] == [0, len(POLICIES) - 1]
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


def test_points_stand_at_cost_and_wait_with_their_intervals(made: Made) -> None:
    (panel,) = frontier(made.names, made.report, Bounds(20_000.0, 30_000.0)).panels
    for trace, policy in zip(panel.data, made.report.policies, strict=True):
        cost = made.report.weekly(policy.avoidable)
        assert trace["x"] == [policy.measures["wait_p95_hours"]]
        assert trace["y"][0] * 1000 == pytest.approx(cost.value)
        assert (trace["y"][0] + trace["error_y"]["array"][0]) * 1000 == pytest.approx(cost.high)
        assert (trace["y"][0] - trace["error_y"]["arrayminus"][0]) * 1000 == pytest.approx(cost.low)
    assert [shape["y0"] for shape in panel.layout["shapes"]] == [20, 30]
    (without,) = frontier(made.names, made.report).panels
    assert without.layout["shapes"] == []


def test_names_of_points_do_not_cover_each_other() -> None:
    points = [(0.5, 0.5), (0.52, 0.5), (0.5, 0.53), (0.98, 0.5), (0.02, 0.98)]
    names = ["cost-greedy", "first-fit", "bundle", "burst-only", "committed-only"]
    found = placed(points, names, [(y, y) for _, y in points])
    at = [(x * placing.WIDTH, y * placing.HEIGHT) for x, y in points]
    boxes = [placing._box(x, y, placing.LETTER * len(n), p) for (x, y), n, p in zip(at, names, found, strict=True)]
    assert [a.shares(b) for a, b in combinations(boxes, 2)] == [0] * 10
    assert boxes[3].outside() == boxes[4].outside() == 0


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


# What may be absent.


def test_one_policy_is_enough(made: Made) -> None:
    alone = replace(made.report, policies=made.report.policies[:1])
    reader = Reader(page(made.scenario, made.agents[:1], alone).decode())
    assert "waterfall" not in reader.ids() and "occupancy" in reader.ids()
    assert "It is compared with nothing" in reader.words()


def test_a_scenario_without_pipelines_has_a_page_without_timelines() -> None:
    small = Made(toy(), POLICIES[:2], episodes=1)
    reader = Reader(small.page())
    assert reader.open == [] and "pipelines" not in reader.ids() and "decisions" in reader.ids()
    assert "Undecided" in reader.words()  # one block gives no interval


def test_a_window_in_which_nothing_is_to_be_done_has_a_page(tmp_path: Path) -> None:
    """Three jobs, two of them in the warm-up."""
    path = tmp_path / "few.csv"
    path.write_text("job_id,submit_s,runtime_s,gpus\n1,0,60,8\n2,100,60,8\n3,900000,60,8\n", encoding="utf-8")
    few = Made(load("small_team"), POLICIES[::2], trace=read(path), episodes=1)
    reader = Reader(few.page())
    assert "occupancy" in reader.ids() and "No difference: first-fit costs what cost-greedy costs" in reader.words()
    (above, _) = occupancy.occupancy(few.names, few.seen).panels
    assert any(trace.get("yaxis") == "y2" for trace in above.data)


def test_the_same_evaluation_gives_the_same_bytes(made: Made) -> None:
    assert made.page() == made.page()


# The command.


def test_the_verb_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a page.html"
    words = ["evaluate", "small_team", "--policy", "cost-greedy", "--policy", "first-fit", "--episodes", "1"]
    assert cli.main([*words, "--report", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    said = Reader(target.read_text(encoding="utf-8")).words()
    assert told["scenario_digest"] in said
    assert f"tidegate {' '.join(words)} --seed 1 --report '{target}'" in said


def test_a_wrong_target_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for target, reason in ((tmp_path / "page.pdf", "use .html"), (tmp_path / "no" / "page.html", "does not exist")):
        with pytest.raises(SystemExit) as end:
            cli.main(["evaluate", "small_team", "--report", str(target)])
        assert end.value.code == 2 and reason in capsys.readouterr().err


def test_without_plotly_the_remedy_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", "small_team", "--report", str(tmp_path / "page.html")])
    assert end.value.code == 2 and "pip install 'tidegate[report]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_command_line_can_be_typed_again() -> None:
    options = {"--trace": None, "--policy": ["a b", "c"], "--episodes": 4}
    line = "tidegate evaluate mine.toml --policy 'a b' --policy c --episodes 4"
    assert command_line("evaluate", "mine.toml", options) == line


def test_the_page_of_rules_needs_nothing_of_bundles_or_learning(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    words = ["evaluate", "small_team", "--policy", "cost-greedy", "--episodes", "1", "--report", str(target), "--json"]
    absent = ("torch", "onnx", "onnxruntime", "matplotlib", "stable_baselines3")
    script = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\n"
        f"from tidegate.agents.cli import main\nmain({words!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert target.stat().st_size > 1_000_000
