"""Who decides: the policy, where it may and where it is at home; else the baseline, which also stands beside it.

Both are asked about every offer. A *share* of the jobs is the policy's (0: it is asked, and not listened to; 1: all);
which ones follows from their names, so that all offers of a job have one judge.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...fastsim import scorer
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.jit import IS_COMPILED
from ...trained.bundle import Bundle
from ...trained.envelope import Familiar
from .cluster import Cluster, Offer
from .request import Request

POLICY, BASELINE = "policy", "baseline"


class Decision(NamedTuple):
    """What was decided about one job, and why."""

    id: str
    attempt: int
    action: str  # a site, or hold
    by: str  # POLICY or BASELINE
    why: str
    policy: str  # what the policy would do; "": it gave no answer
    baseline: str  # what the baseline would do
    observation: str  # a digest of what they saw
    share: float  # of the jobs that were the policy's


@dataclass
class Engine:
    """A policy, a baseline, and the share of the jobs that is the policy's."""

    bundle: Bundle
    baseline: Agent
    share: float = 0.0
    differ: Callable[[Cluster], None] | None = None  # told of every offer on which the two differ, while it is made
    by_graph: bool = not IS_COMPILED  # onnxruntime answers; else the kernel's forward pass, in a tenth of the time

    def __post_init__(self) -> None:
        if self.bundle.envelope is None:
            reason, remedy = "is not in the bundle", "export the policy again"
            raise InputError(f"bundle {self.bundle.manifest.name}", "file", "envelope.json", reason, remedy)
        kernel = Agent("policy", scorer.choose, self.bundle.knobs())
        self._asked = self.baseline if self.by_graph else kernel
        self._familiar = Familiar(self.bundle.envelope, self.bundle.manifest.observation)

    def decide(self, cluster: Cluster, requests: Sequence[Request]) -> list[Decision]:
        """Decide about some jobs at the instant of the cluster, in the order of the requests.

        Raises InputError, and decides nothing, where one cannot be asked about.
        """
        cluster.ask(requests)
        attempts, found = {one.id: one.attempt for one in requests}, {}
        while (offer := cluster.offer(self._asked, self.baseline)) is not None:
            if offer.id not in attempts:  # it would have to make way for one of them, and is not asked about
                cluster.answer(offer.second)
                continue
            found[offer.id] = self._decision(cluster, offer, attempts[offer.id])
            cluster.answer(cluster.actions.index(found[offer.id].action))
        return [found[one.id] for one in requests]

    def _decision(self, cluster: Cluster, offer: Offer, attempt: int) -> Decision:
        rule = legal(offer.second, offer.mask)
        action, reason = self._heard(offer, attempt)
        if self.differ is not None and action not in (None, rule):
            self.differ(cluster)
        if action is None:
            by, why = BASELINE, reason
        elif not is_the_policys(offer.id, self.share):
            by, why = BASELINE, "not in the share of the policy" if self.share > 0 else "shadow"
        else:
            by, why = POLICY, reason
        chosen = rule if by == BASELINE or action is None else action
        names = cluster.actions
        told = "" if action is None else names[action]
        return Decision(offer.id, attempt, names[chosen], by, why, told, names[rule], offer.digest, self.share)

    def _heard(self, offer: Offer, attempt: int) -> tuple[int | None, str]:
        """What the policy would do, and as what; or None, and why it is not listened to."""
        strange = self._familiar.why_not(offer.observation, offer.mask, counts=attempt == 1)
        if strange:
            return None, f"unfamiliar: {strange}"
        try:
            action = self.bundle.decide(offer.observation, offer.mask) if self.by_graph else offer.first
        except InputError as error:
            return None, f"unsound: {error.what}, {error.value}, {error.reason}"
        if not 0 <= action < len(offer.mask) or not offer.mask[action]:
            return None, "unsound: it has no legal answer"
        return action, "familiar"


def legal(action: int, mask: np.ndarray) -> int:
    """The action, or what stands for one that is not legal: hold, or the first legal site (rules.md, section 4)."""
    if 0 <= action < len(mask) and mask[action]:
        return action
    return len(mask) - 1 if mask[-1] else int(mask.argmax())


def is_the_policys(job: str, share: float) -> bool:
    """Whether a job is among the share of the policy; one that is stays so while the share grows."""
    if share in (0.0, 1.0):
        return share == 1.0
    place = int.from_bytes(hashlib.sha256(job.encode()).digest()[:8], "big")
    return place < share * 2**64
