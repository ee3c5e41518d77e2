"""What Prometheus is told; docs/deploy/router.md says what each means."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from .engine import BASELINE, POLICY
from .refusal import STATUSES

FAST = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)  # s


class Metrics:
    """The counters of one router; what can happen is there at 0, so that the first time is an increase."""

    def __init__(self, actions: Sequence[str]) -> None:
        """`actions` are all that can be decided."""
        disable_created_metrics()
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry, "namespace": "tidegate"}
        self.decisions = Counter("decisions", "Decisions", ("by", "action"), **kept)
        self.repeated = Counter("repeated", "Attempts that had been decided before", **kept)
        self.differing = Counter("differing", "Decisions on which policy and baseline differ", **kept)
        self.unfamiliar = Counter("unfamiliar", "Decisions about which the policy was not listened to", **kept)
        self.refusals = Counter("refusals", "Questions and states that were refused", ("status",), **kept)
        self.seconds = Histogram("route_seconds", "From question to answer", buckets=FAST, **kept)
        self.waiting = Gauge("waiting_questions", "Questions that wait for the log", **kept)
        self.state_age = Gauge("state_age_seconds", "Since the last state came", **kept)
        self.state_jobs = Gauge("state_jobs", "Jobs of the last state, and those that came since", **kept)
        self.share = Gauge("share", "Of the jobs that are the policy's", **kept)
        self.is_stopped = Gauge("stopped", "1: the policy was found to cost more, and lost its share", **kept)
        self.reloads = Counter("reloads", "Bundles that were taken over", **kept)
        self.bad_bundles = Counter("bad_bundles", "Bundles that were refused; the last good one stays", **kept)
        self.audit_failures = Counter("audit_failures", "Groups that the log could not commit", **kept)
        self.is_unaudited = Gauge("unaudited", "1: the log cannot be written; the baseline answers alone", **kept)
        self.judged = Counter("judged", "Instants from which both were played on", **kept)
        self.comparisons = Gauge("comparisons", "That the difference rests on; a new share begins at 0", **kept)
        self.difference = Gauge(
            "difference_dollars", "Policy less baseline, in a week from where they differ", ("of",), **kept
        )
        self.info = Gauge("bundle", "1: the bundle in service", ("name", "digest"), **kept)
        for status in STATUSES:
            self.refusals.labels(str(status))
        for action in actions:
            for by in (POLICY, BASELINE):
                self.decisions.labels(by, action)
