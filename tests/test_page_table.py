"""The page's table: a star where a difference stands among all, and the gaps that policies close."""

import re
from dataclasses import replace

import pytest

from tidegate.agents.evaluation.compare import Interval
from tidegate.agents.evaluation.report import Gap, Report, with_groups
from tidegate.agents.page.table import reading, table
from tidegate.fastsim.jit import IS_COMPILED

from .evaluated_page import Made, Reader, small_team

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


@pytest.fixture(scope="module")
def made() -> Made:
    return small_team()


def cells(made: Made, report: Report) -> list[dict[str, str]]:
    """Each policy's cells as HTML, by their labels."""
    rows = table(made.names, report).split("<tbody>")[1].split("</tr>")[:-1]
    return [dict(re.findall(r'<td data-label="([^"]*)"><span>(.*?)</span></td>', row)) for row in rows]


def judged(made: Made, *adjusted: float) -> Report:
    """The report with other p-values; intervals that leave 0 out stay what they are."""
    report = replace(made.report)
    report.__dict__["comparisons"] = tuple(
        replace(one, adjusted_p=p) for one, p in zip(made.report.comparisons, adjusted, strict=True)
    )
    return report


def test_colour_and_star_are_for_what_stands_among_all_comparisons(made: Made) -> None:
    first, sure, unsure = cells(made, judged(made, 0.0123, 0.0612))
    assert first["saved, % of avoidable"] == first["p, adjusted"] == "–"
    assert re.match(r"<span class=(gain|loss)>−?[\d.]+\* <small>", sure["saved, % of avoidable"])
    assert (sure["p, adjusted"], unsure["p, adjusted"]) == ("0.0123", "0.0612")
    assert "class=" not in unsure["saved, % of avoidable"] and "*" not in unsure["saved, % of avoidable"]
    assert all("class=" not in row["saved, % of the bill"] for row in (first, sure, unsure))
    assert "A star, and colour" in reading(made.names, made.report) and "all 2 comparisons" in reading(
        made.names, made.report
    )


def test_gaps_are_shown_where_bounds_were_given(made: Made) -> None:
    assert "gap" not in table(made.names, made.report) and "Gaps" not in reading(made.names, made.report)
    some, none = Interval(0.123, -0.05, 0.3), Interval(float("nan"), float("nan"), float("nan"))
    gaps = {"committed-only": Gap(some, some), "first-fit": Gap(none, none)}
    report = replace(made.report, gaps=gaps)
    first, second, third = cells(made, report)
    for label in ("gap to bound, % closed", "to clairvoyant, % closed"):
        assert second[label] == "12.3 <small>[−5.0, 30.0]</small>"
        assert first[label] == third[label] == "–"
    assert "Gaps: what share of the way from cost-greedy" in reading(made.names, report)
    only = replace(made.report, gaps={name: Gap(gap.to_bound, None) for name, gap in gaps.items()})
    assert "clairvoyant" not in table(made.names, only)


def test_a_group_of_training_seeds_has_a_row_and_its_seeds_no_star(made: Made) -> None:
    first, *seeds = made.report.policies
    report = with_groups(made.report, {"runs/x": tuple(policy.name for policy in seeds)})
    rows = cells(made, report)
    assert len(rows) == 4 and "runs/x, 2 training seeds" in table(made.names, report)
    assert [row["p, adjusted"] for row in rows[:3]] == ["–"] * 3
    assert "*" not in rows[1]["saved, % of avoidable"] + rows[2]["saved, % of avoidable"]
    group = report.over_seeds["runs/x"]
    assert rows[3]["p, adjusted"] == f"{group.adjusted_p:.4f}"
    assert f"{100 * group.avoidable.value:.1f}".replace("-", "−") in rows[3]["saved, % of avoidable"]
    assert "A group of training seeds" in reading(made.names, report)
    assert first.name not in report.family


def test_ends_that_are_far_off_are_not_written_out(made: Made) -> None:
    far = Interval(-3.0, -80.0, 25.0)
    report = replace(made.report, gaps={"first-fit": Gap(far, None)})
    assert cells(made, report)[2]["gap to bound, % closed"] == "−300.0 <small>[&lt; −999, &gt; 999]</small>"


def test_the_table_is_well_formed(made: Made) -> None:
    assert Reader(table(made.names, made.report)).open == []
