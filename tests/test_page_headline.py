"""The headline of a page: a loss is called a loss, doubt is called doubt, and parts make the difference."""

from dataclasses import replace

import pytest

from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.page import headline, waterfall
from tidegate.agents.page.names import names_of
from tidegate.fastsim.jit import IS_COMPILED

from .evaluated_page import Made, small_team

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture(scope="module")
def made() -> Made:
    return small_team()


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
