"""A part of a report: some of its rows, with the jobs that belong to them."""

from dataclasses import replace

import numpy as np

from .measures import Sample, by_class, by_site, measured
from .report import Report, Scores


def part(report: Report, chosen: np.ndarray) -> Report:
    """The report of the rows that are `chosen`, (rows,) bool: costs and measures of these alone."""
    return replace(report, policies=tuple(_part(policy, chosen) for policy in report.policies))


def _part(policy: Scores, chosen: np.ndarray) -> Scores:
    """Jobs, and pipelines, stand in the order in which they arrive, and so in that of their rows."""
    sample, rows = policy.sample, policy.rows
    fares = sample.fares.where(np.repeat(chosen, rows.jobs))
    responses = sample.responses[np.repeat(chosen, rows.pipelines)]
    own = Sample(sample.ground, rows[chosen], fares, responses)
    return Scores(policy.name, own, measured(own), by_class(own), by_site(own))
