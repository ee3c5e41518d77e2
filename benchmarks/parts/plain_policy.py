"""The site scorer and its critic in the plainest torch, batch first and whole arrays: the formulas, line by line.

They have the same parameters and say the same as those of agents/ppo/network.py, which is laid out for its gradient.
"""

from typing import Any

import torch
from torch.nn.functional import relu

from tidegate.agents.ppo.network import ActorAndCritic, SiteCritic, SiteEmbedding, SitePolicy, SiteScorer, Weighing
from tidegate.fastsim.network import FAVOUR, HOLDING, LEAST, LIMIT, PATIENCE
from tidegate.fastsim.weighing import HOUR, MAKES_WAY, PARTS, STARTING, WAITING


def taken_apart(network: SiteEmbedding, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, size) → common (batch, common), sites (batch, sites, site)."""
    common, sites = observation[:, : network.common], observation[:, network.common :]
    return common, sites.reshape(len(observation), -1, network.layout.site)


def embedded(network: SiteEmbedding, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedded (batch, sites, width), context (batch, 2 × width)."""
    common, sites = taken_apart(network, observation)
    shared = torch.addmm(network.embed_bias, common, network.embed_common)
    found = relu(shared.unsqueeze(1) + sites @ network.embed_site)
    return found, torch.cat([found.mean(1), found.amax(1)], 1)


def weighed(network: Weighing, common: torch.Tensor, sites: torch.Tensor) -> torch.Tensor:
    """What the weighing adds to the scores, (batch, sites + 1)."""
    shared = torch.addmm(network.weigh_bias, common, network.weigh_common)
    heads = (shared.unsqueeze(1) + sites @ network.weigh_site).clamp(-LIMIT, LIMIT)
    parts, weights = relu(sites[..., -PARTS:]), heads.exp()
    present = torch.ones_like(parts[..., :MAKES_WAY])
    present[..., WAITING] -= parts[..., MAKES_WAY]
    cost = (weights[..., :MAKES_WAY] * parts[..., :MAKES_WAY] * present).sum(2)
    money = (weights[..., :WAITING] * parts[..., :WAITING]).sum(2)
    wait = parts[..., WAITING] + parts[..., STARTING] + PATIENCE * parts[..., HOUR]
    calm = (money + weights[..., HOLDING] * wait).amin(1, keepdim=True)
    return network.sharpness * torch.cat([heads[..., FAVOUR] - (cost + LEAST).log(), -(calm + LEAST).log()], 1)


class PlainScorer(SiteScorer):
    """The actor."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Scores (batch, sites + 1), holding last."""
        common, own = taken_apart(self, observation)
        each, context = embedded(self, observation)
        shared = torch.addmm(self.score_bias, context, self.score_context)
        sites = relu(each @ self.score_site + shared.unsqueeze(1)) @ self.score_out
        held = relu(torch.addmm(self.hold_bias, context, self.hold_context) + common @ self.hold_common)
        hold = torch.addmm(self.hold_out_bias, held, self.hold_out)
        return torch.cat([sites.squeeze(2), hold], 1) + weighed(self.weighing, common, own)


class PlainCritic(SiteCritic):
    """The critic."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """(batch, width)."""
        common, _ = taken_apart(self, observation)
        _, context = embedded(self, observation)
        return relu(torch.addmm(self.value_bias, torch.cat([context, common], 1), self.value_context))


class PlainPolicy(SitePolicy):
    """The policy over both, for MaskablePPO, and for PPO, which tells it besides what it has no use for."""

    def __init__(self, *given: Any, use_sde: bool = False, **options: Any) -> None:
        super().__init__(*given, **options)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        networks: ActorAndCritic = self.mlp_extractor
        networks.actor.__class__, networks.critic.__class__ = PlainScorer, PlainCritic
