"""The page of a plan: one file that loads nothing, safe with any name, every figure computed, whatever is absent."""

import json
import re
from decimal import Decimal
from functools import cache

import pytest

from tidegate.agents.plan.page import page, pictures
from tidegate.agents.plan.plan import Plan
from tidegate.agents.plan.record import to_json
from tidegate.agents.plan.summary import sentences
from tidegate.fastsim.jit import IS_COMPILED

from .toy_plan import lab, planned

pytest.importorskip("plotly", reason="needs the report extra")
from .evaluated_page import Reader

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plans take minutes as plain Python")
LEVELS = [Decimal("0.6"), Decimal("0.8"), Decimal(1)]
LOADING = {"src", "href", "srcset", "data", "action", "poster", "formaction", "background"}


@cache
def made() -> Plan:
    return planned(lab(episodes={"span_days": 182}), LEVELS, plays=5)


@cache
def html() -> str:
    return page(made(), "tidegate plan lab --seed 1").decode()


def test_the_page_is_well_formed_and_nothing_in_it_loads_anything():
    seen = Reader(html())
    assert seen.open == []
    assert [pair for pair in seen.elements if LOADING & pair[1].keys()] == []
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in seen.elements}
    policy = next(a["content"] for t, a in seen.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "http" not in policy
    assert html().count("* plotly.js v") == 1


def test_the_page_has_every_picture_every_point_and_the_command():
    seen = Reader(html())
    shown = {"commitment", "slices", "worth", "tornado", "events", "months"}
    assert shown <= seen.ids() and {picture["name"] for picture in seen.data()} == shown
    words = seen.words()
    for setting in made().settings:
        assert f"× {float(setting.level):g}, burst {'on' if setting.burst else 'off'}" in words
    for said in ("tidegate plan lab --seed 1", made().scenario.digest(), "unused commitment is never a saving"):
        assert said in words


def test_the_words_of_the_page_are_those_of_the_plan():
    words = Reader(html()).words().replace("\u00a0", " ").replace("\u2060", "")
    for sentence in sentences(made()):
        assert " ".join(sentence.split()) in words


def test_the_curves_are_the_points_and_the_star_is_the_chosen_one():
    (curves, *_) = pictures(made())
    bills, costs, waits = curves.panels
    assert curves.choices == ("total bill", "avoidable cost", "p95 wait")
    lines = [trace for trace in bills.data if trace["mode"] == "lines+markers"]
    assert len(lines) == 4 and all(trace["x"] == [0.6, 0.8, 1.0] for trace in lines)
    bands = [trace for trace in bills.data if trace.get("fill") == "toself"]
    assert len(bands) == 4
    (star,) = [trace for trace in bills.data if trace["mode"] == "markers"]
    chosen = made().chosen
    assert star["x"] == [float(chosen.setting.level)]
    assert star["y"] == [pytest.approx(chosen.weekly(chosen.bill).value / 1e3)]
    for panel in (costs, waits):
        assert [trace for trace in panel.data if trace["mode"] == "markers"]


def test_the_tornado_has_the_most_sensitive_assumption_on_top():
    (tornado,) = [one for one in pictures(made()) if one.name == "tornado"]
    labels = tornado.panels[0].layout["yaxis"]["ticktext"]
    swings = {}
    for bar in made().bars:
        assert bar.bill is not None
        swings[bar.name] = max(swings.get(bar.name, 0.0), abs(bar.bill.value))
    assert labels[-1].startswith(max(swings, key=swings.__getitem__))
    assert len(labels) == 8


def test_commitments_are_drawn_down_month_by_month():
    (months,) = [one for one in pictures(made()) if one.name == "months"]
    monthly, summed = months.panels
    floors = to_json(made())["burn_down"]["owned"]
    level = float(made().chosen.setting.level)
    assert {round(month["floor"]) for month in floors} == {round(level * 64) * 2 * 168}
    assert len(monthly.data[0]["x"]) == len(floors)
    drawn, floor = (max(trace["y"]) for trace in summed.data)
    assert drawn <= floor * 1.001


def test_a_name_that_is_markup_stays_text():
    hostile = '<script>alert("x")</script> %{y} & co'
    plan = planned(lab().model_copy(update={"title": hostile}), LEVELS[:2], (True,), ("first-fit",), 1)
    seen = Reader(page(plan, hostile).decode())
    assert seen.open == []
    assert len([tag for tag, _ in seen.elements if tag == "script"]) == 3
    assert 'alert("x")' in seen.words()


def test_a_page_of_one_point_and_one_play_is_still_a_page():
    plan = planned(lab(), [Decimal(1)], (True,), ("first-fit",), 1)
    seen = Reader(page(plan).decode())
    assert seen.open == [] and "slices" not in seen.ids()
    assert re.search(r"no interval", seen.words())
    assert json.dumps(to_json(plan), allow_nan=False)
