"""The site scorer in torch, and the policy that PPO trains.

The mathematics stands in `fastsim/network.py`; here it is written once more with autograd. One network scores every
site from (job, clock, site, pooled sites), and another scores holding: the same weights fit any number of sites. The
critic has a trunk of its own, so that its large and noisy gradients never reach the actor.
"""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn
from torch.nn.functional import relu

from ...fastsim.layout import Layout
from ...fastsim.network import FAVOUR, HEADS, HOLDING, LEAST, LIMIT, PATIENCE
from ...fastsim.weighing import HOUR, MAKES_WAY, PARTS, STARTING, WAITING

HIDDEN_GAIN, SCORE_GAIN, VALUE_GAIN = 2**0.5, 0.01, 1.0  # orthogonal initialisation, as in SB3
# Before anything is learned: committed use counts for nearly nothing, and whoever holds distrusts its wait.
FIRST_BIAS = {"committed": -4.0, "holding": 1.5}
SHARPNESS = 2.0  # at first: of two sites of which one costs twice as much, it is chosen once in four times


def orthogonal(inputs: tuple[int, ...], outputs: int, gain: float) -> list[nn.Parameter]:
    """Weights (inputs, outputs) of one layer whose input comes in several parts: orthogonal as a whole, then split."""
    whole = nn.init.orthogonal_(torch.empty(sum(inputs), outputs), gain)
    return [nn.Parameter(part.clone()) for part in whole.split(inputs)]


class SiteEmbedding(nn.Module):
    """A vector for each site, and their mean and maximum."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.common, self.site = layout.job + layout.clock, layout.site
        self.embed_common, self.embed_site = orthogonal((self.common, self.site), width, HIDDEN_GAIN)
        self.embed_bias = nn.Parameter(torch.zeros(width))

    def embed(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(batch, size) → common (batch, common), embedded (batch, sites, width), context (batch, 2 × width)."""
        common = observation[:, : self.common]
        sites = observation[:, self.common :].reshape(len(observation), -1, self.site)
        shared = torch.addmm(self.embed_bias, common, self.embed_common)
        embedded = relu(shared.unsqueeze(1) + sites @ self.embed_site)
        return common, embedded, torch.cat([embedded.mean(1), embedded.amax(1)], 1)


class Weighing(nn.Module):
    """What the parts of a job's cost come to: at first what cost-greedy makes of them."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.common, self.site = layout.job + layout.clock, layout.site
        self.weigh_common = nn.Parameter(torch.zeros(self.common, len(HEADS)))
        self.weigh_site = nn.Parameter(torch.zeros(self.site, len(HEADS)))
        self.weigh_bias = nn.Parameter(torch.tensor([FIRST_BIAS.get(head, 0.0) for head in HEADS]))
        self.sharpness = nn.Parameter(torch.full((1,), SHARPNESS))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """(batch, size) → what it adds to the scores (batch, sites + 1)."""
        common = observation[:, : self.common]
        sites = observation[:, self.common :].reshape(len(observation), -1, self.site)
        shared = torch.addmm(self.weigh_bias, common, self.weigh_common)
        heads = (shared.unsqueeze(1) + sites @ self.weigh_site).clamp(-LIMIT, LIMIT)
        parts, weights = relu(sites[..., -PARTS:]), heads.exp()
        present = torch.ones_like(parts[..., :MAKES_WAY])
        present[..., WAITING] -= parts[..., MAKES_WAY]
        cost = (weights[..., :MAKES_WAY] * parts[..., :MAKES_WAY] * present).sum(2)
        money = (weights[..., :WAITING] * parts[..., :WAITING]).sum(2)
        wait = parts[..., WAITING] + parts[..., STARTING] + PATIENCE * parts[..., HOUR]
        calm = money + weights[..., HOLDING] * wait
        scores = heads[..., FAVOUR] - (cost + LEAST).log()
        return self.sharpness * torch.cat([scores, -(calm.amin(1, keepdim=True) + LEAST).log()], 1)


class SiteScorer(SiteEmbedding):
    """The actor: its parameters bear the names and shapes of `weight_shapes`."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__(layout, width)
        self.score_site, self.score_context = orthogonal((width, 2 * width), width, HIDDEN_GAIN)
        self.score_bias = nn.Parameter(torch.zeros(width))
        (self.score_out,) = orthogonal((width,), 1, SCORE_GAIN)
        self.hold_context, self.hold_common = orthogonal((2 * width, self.common), width, HIDDEN_GAIN)
        self.hold_bias = nn.Parameter(torch.zeros(width))
        (self.hold_out,) = orthogonal((width,), 1, SCORE_GAIN)
        self.hold_out_bias = nn.Parameter(torch.zeros(1))
        self.weighing = Weighing(layout)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Scores (batch, sites + 1), holding last."""
        common, embedded, context = self.embed(observation)
        shared = torch.addmm(self.score_bias, context, self.score_context)
        sites = relu(embedded @ self.score_site + shared.unsqueeze(1)) @ self.score_out
        hidden = relu(torch.addmm(self.hold_bias, context, self.hold_context) + common @ self.hold_common)
        hold = torch.addmm(self.hold_out_bias, hidden, self.hold_out)
        return torch.cat([sites.squeeze(2), hold], 1) + self.weighing(observation)

    def assign(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take weights, by the names of `weight_shapes`. Raises KeyError or RuntimeError where they do not fit."""
        with torch.no_grad():
            for name, value in self.named_parameters():
                value.copy_(torch.from_numpy(weights[name.removeprefix("weighing.")]))

    def weights(self) -> dict[str, np.ndarray]:
        """A float32 copy of every weight, by the names of `weight_shapes`."""
        named = {name.removeprefix("weighing."): value for name, value in self.named_parameters()}
        return {name: value.detach().cpu().numpy().copy() for name, value in named.items()}


class SiteCritic(SiteEmbedding):
    """What the critic's last layer sees: relu((context, common) @ value_context + value_bias)."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__(layout, width)
        (self.value_context,) = orthogonal((2 * width + self.common,), width, HIDDEN_GAIN)
        self.value_bias = nn.Parameter(torch.zeros(width))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """(batch, width)."""
        common, _, context = self.embed(observation)
        return relu(torch.addmm(self.value_bias, torch.cat([context, common], 1), self.value_context))


class ActorAndCritic(nn.Module):
    """Both networks behind the four names that SB3 calls: the actor's latent is already the scores."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.actor, self.critic = SiteScorer(layout, width), SiteCritic(layout, width)
        self.latent_dim_pi, self.latent_dim_vf = layout.actions, width

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (batch, actions) and what the value is read from (batch, width)."""
        return self.actor(features), self.critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        """Scores (batch, actions)."""
        return self.actor(features)

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        """What the value is read from, (batch, width)."""
        return self.critic(features)


class SitePolicy(MaskableActorCriticPolicy):
    """The policy of MaskablePPO over `ActorAndCritic`; `layout` and `width` travel in `policy_kwargs`."""

    def __init__(self, *spaces_and_schedule: Any, layout: Layout, width: int, **options: Any) -> None:
        self.layout, self.width = layout, width
        super().__init__(*spaces_and_schedule, **options)

    def _build(self, lr_schedule: Schedule) -> None:
        """SB3's hook: networks, then the optimizer over all of their parameters."""
        self.mlp_extractor = ActorAndCritic(self.layout, self.width)
        self.action_net = nn.Identity()
        self.value_net = nn.Linear(self.width, 1)
        self.init_weights(self.value_net, VALUE_GAIN)
        options: dict[str, Any] = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        critic = [*self.mlp_extractor.critic.parameters(), *self.value_net.parameters()]
        groups = [{"params": list(self.actor.parameters())}, {"params": critic}]
        self.optimizer = self.optimizer_class(groups, **options)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "layout": self.layout, "width": self.width}

    @property
    def actor(self) -> SiteScorer:
        """The part that is exported."""
        return cast("SiteScorer", self.mlp_extractor.actor)
