"""Whom the page is about, beside the first policy: the cheapest of the others."""

from ..evaluation.report import Comparison, Report
from ..evaluation.summary import LEVEL


def contender(report: Report) -> str:
    """The name of the cheapest policy, or group of training seeds, but the first; of the first where it is alone."""
    first, *others = report.contenders
    return min(others, key=lambda name: report.cost(name).amounts.sum(), default=first)


def chosen(report: Report) -> int:
    """The number of the policy that is watched beside the first: the contender; of a group the middle seed."""
    members = sorted(report.members(contender(report)), key=lambda policy: int(policy.avoidable.sum()))
    return [policy.name for policy in report.policies].index(members[len(members) // 2].name)


def compared(report: Report, name: str) -> Comparison | None:
    """A policy, or a group, against the first; None for the first."""
    return next((one for one in (*report.comparisons, *report.over_seeds.values()) if one.policy == name), None)


def stands(comparison: Comparison) -> bool:
    """Whether a difference of avoidable costs is one at the 5 % level, with all comparisons taken together."""
    return comparison.adjusted_p < LEVEL  # there is none for a single seed
