"""The headline of a page: a loss is called a loss, doubt is called doubt, and parts make the difference."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.evaluation.report import with_groups
from tidegate.agents.page import headline, waterfall
from tidegate.agents.page.chosen import chosen, contender
from tidegate.agents.page.names import CHOSEN, FIRST, names_of
from tidegate.fastsim.jit import IS_COMPILED

from .evaluated_page import Made, small_team

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture(scope="module")
def made() -> Made:
    return small_team()


def said(made: Made, low: float, value: float, high: float, adjusted_p: float = 0.01) -> headline.Headline:
    """The headline of a comparison whose saving is this."""
    first, other = made.report.policies[0], made.report.policies[-1]
    report = replace(made.report, policies=(first, other))
    saving = Interval(value, low, high)
    report.__dict__["comparisons"] = (
        replace(report.comparisons[0], avoidable=saving, bill=saving, adjusted_p=adjusted_p),
    )
    return headline.headline(names_of(made.scenario, report), report)


def test_a_loss_is_called_a_loss(made: Made) -> None:
    found = said(made, -0.4, -0.3, -0.1)
    assert found.verdict == headline.LOSS and "loses" in found.text
    assert "30.0 % of the avoidable cost (95 % interval 10.0 to 40.0 %)" in found.text


def test_a_saving_is_called_one_and_doubt_is_called_doubt(made: Made) -> None:
    found = said(made, 0.1, 0.3, 0.4)
    assert found.verdict == headline.GAIN and "saves" in found.text and "(95 % interval 10.0 to 40.0 %)" in found.text
    for low, high in ((-0.1, 0.4), (float("nan"), float("nan"))):
        found = said(made, low, 0.3, high, adjusted_p=0.2)
        assert found.verdict == headline.OPEN and found.text.startswith("<b>Undecided")


def test_what_does_not_stand_among_all_comparisons_is_not_said(made: Made) -> None:
    for low, value, high in ((0.1, 0.3, 0.4), (-0.4, -0.3, -0.1)):
        found = said(made, low, value, high, adjusted_p=0.06)
        assert found.verdict == headline.OPEN and "it does not stand" in found.text


def test_the_headline_is_about_the_cheapest_of_the_others_and_says_so(made: Made) -> None:
    first, middle, last = made.report.policies
    for order in ((first, middle, last), (first, last, middle), (last, middle, first)):
        report = replace(made.report, policies=order)
        costs = [policy.avoidable.sum() for policy in order]
        cheapest = order[1 + int(np.argmin(costs[1:]))].name
        names = names_of(made.scenario, report)
        assert order[names.chosen].name == order[chosen(report)].name == cheapest
        found = headline.headline(names, report)
        assert cheapest in found.text
        assert f"{cheapest} is the cheapest of the 2 that are compared with {order[0].name}" in found.rule
        assert names.policy_colours[0] == FIRST and names.policy_colours[names.chosen] == CHOSEN
    alone = replace(made.report, policies=(first, last))
    assert headline.headline(names_of(made.scenario, alone), alone).rule == ""


def test_a_group_of_training_seeds_is_one_policy_and_its_middle_seed_is_watched(made: Made) -> None:
    """The best of several seeds would be chosen for its luck."""
    first, dear, cheap = made.report.policies
    seeds = [replace(policy, name=name) for policy, name in ((cheap, "a"), (dear, "b"), (cheap, "c"))]
    report = with_groups(replace(made.report, policies=(first, *seeds, cheap)), {"runs/x": ("a", "b", "c")})
    assert contender(report) == cheap.name  # cheaper than the mean of three seeds, not than each
    alone = replace(report, policies=(first, *seeds))
    assert contender(alone) == "runs/x" and alone.policies[chosen(alone)].name in "ac"
    found = headline.headline(names_of(made.scenario, alone), alone)
    saving = alone.over_seeds["runs/x"].avoidable
    assert f"{100 * abs(saving.value):.1f} % of the avoidable cost" in found.text
    assert "runs/x, 3 training seeds," in found.text and "the one in the middle" in found.rule
    assert contender(replace(made.report, policies=(first,))) == first.name


def test_the_best_tuned_rule_stands_beside_what_the_headline_praises(made: Made) -> None:
    first, tuned, other = made.report.policies
    report = replace(made.report, policies=(first, replace(tuned, name="best-tuned"), other))
    found, sunk = headline.remarks(names_of(made.scenario, report), report)
    saving = 1 - other.avoidable.sum() / tuned.avoidable.sum()
    assert f"costs {100 * saving:.1f} % less than best-tuned, the best tuned rule (95 % interval" in found
    assert sunk == headline.SUNK
    assert headline.remarks(made.names, made.report) == [sunk]


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
