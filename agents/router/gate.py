"""How much is the policy's: nothing at first, then a share of the jobs, then all; and nothing again if it costs more.

A person raises the share. Evidence that the policy costs more than the baseline (evidence.py) takes it away, for this
bundle, until a person gives it back. All of it is in the log, and is found there after a restart.
"""

from dataclasses import dataclass, field
from typing import Any

from .audit import Log
from .evidence import Evidence

SHARE, STOPPED, JUDGED = "share", "stopped", "judged"  # kinds of events


@dataclass
class Gate:
    """The share of one bundle, and the evidence for and against it."""

    log: Log
    bundle: str  # digest of its manifest
    share: float = 0.0
    is_stopped: bool = False
    evidence: Evidence = field(default_factory=Evidence)

    @classmethod
    def found(cls, log: Log, bundle: str) -> "Gate":
        """As the log left it: what was the last word on this bundle, and what was judged since a person spoke."""
        gate = cls(log, bundle)
        for kind, detail in log.events(SHARE, STOPPED, JUDGED):
            if detail["bundle"] != bundle:
                continue
            if kind == SHARE:
                gate.share, gate.is_stopped, gate.evidence = detail["share"], False, Evidence()
            elif kind == STOPPED:
                gate.share, gate.is_stopped = 0.0, True
            else:
                gate.evidence.add(detail["difference"])
        return gate

    def give(self, share: float, by: str) -> dict[str, Any]:
        """A person gives the policy this share; evidence is gathered anew. Returns the event's detail."""
        self.share, self.is_stopped, self.evidence = share, False, Evidence()
        return {"bundle": self.bundle, "share": share, "by": by}

    def judge(self, difference: float) -> list[tuple[str, dict[str, Any]]]:
        """One more decision was judged; returns the events."""
        self.evidence.add(difference)
        events: list[tuple[str, dict[str, Any]]] = [(JUDGED, {"bundle": self.bundle, "difference": difference})]
        if self.evidence.verdict == "worse" and not self.is_stopped:
            low, high = self.evidence.interval
            self.share, self.is_stopped = 0.0, True
            detail = {"bundle": self.bundle, "judged": self.evidence.count, "low": low, "high": high}
            events.append((STOPPED, detail))
        return events

    def told(self) -> dict[str, Any]:
        """As JSON."""
        low, high = self.evidence.interval
        is_known = self.evidence.count >= 2
        return {
            "share": self.share,
            "stage": stage_of(self.share),
            "stopped": self.is_stopped,
            "judged": self.evidence.count,
            "difference_dollars": self.evidence.mean if self.evidence.count else None,
            "interval": [low, high] if is_known else None,
            "verdict": self.evidence.verdict,
        }


def stage_of(share: float) -> str:
    """The name of a stage."""
    return "shadow" if share == 0.0 else "all" if share == 1.0 else "share"
