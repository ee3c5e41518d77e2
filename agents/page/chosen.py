"""Which policy the page is about, beside the first."""

from ..evaluation.report import Report


def chosen(report: Report) -> int:
    """The number of the policy that is compared with the first: of the others the cheapest; 0 where there is none.

    The middle one stands for policies that differ by their training seed: the cheapest of many draws was also lucky.
    """
    costs = [int(policy.avoidable.sum()) for policy in report.policies]
    number = {policy.name: index for index, policy in enumerate(report.policies)}
    others = set(range(1, len(costs)))
    for members in report.groups.values():
        ranked = sorted((number[name] for name in members if number[name]), key=costs.__getitem__)
        others -= {index for place, index in enumerate(ranked) if place != len(ranked) // 2}
    return min(sorted(others), key=costs.__getitem__, default=0)
