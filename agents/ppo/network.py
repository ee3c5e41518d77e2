"""The site scorer in torch, and the policy that PPO trains.

The mathematics stands in `fastsim/network.py`; here it is written once more with autograd. One network scores every
site from (job, clock, site, pooled sites), and another scores holding: the same weights fit any number of sites. The
critic has a trunk of its own, so that its large and noisy gradients never reach the actor.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn
from torch.nn.functional import hardtanh, relu

from ...fastsim.layout import Layout
from ...fastsim.network import FAVOUR, HEADS, HOLDING, LEAST, LIMIT, PATIENCE
from ...fastsim.weighing import PARTS, WAITING

HIDDEN_GAIN, SCORE_GAIN, VALUE_GAIN = 2**0.5, 0.01, 1.0  # orthogonal initialisation, as in SB3
# Before anything is learned: committed use counts for nearly nothing, and whoever holds distrusts its wait.
FIRST_BIAS = {"committed": -4.0, "holding": 1.5}
ILLEGAL = -1e8  # score of an illegal action, as in sb3-contrib
SHARPNESS = 2.0  # at first: of two sites of which one costs twice as much, it is chosen once in four times


def orthogonal(inputs: tuple[int, ...], outputs: int, gain: float) -> list[nn.Parameter]:
    """Weights (inputs, outputs) of one layer whose input comes in several parts: orthogonal as a whole, then split."""
    whole = nn.init.orthogonal_(torch.empty(sum(inputs), outputs), gain)
    return [nn.Parameter(part.clone()) for part in whole.split(inputs)]


class Seen(NamedTuple):
    """Observations of a batch, taken apart. Sites stand first: each one's part is a matrix."""

    common: torch.Tensor  # (batch, common): what all sites have in common
    own: torch.Tensor  # (sites, batch, site)

    @classmethod
    def of(cls, observation: torch.Tensor, layout: Layout) -> Self:
        """From (batch, size)."""
        common, own = observation.tensor_split([layout.job + layout.clock], 1)
        return cls(common, own.unflatten(1, (-1, layout.site)).transpose(0, 1).contiguous())

    def to(self, kind: torch.dtype) -> Self:
        """The same in another type."""
        return type(self)(self.common.to(kind), self.own.to(kind))


def pooled(embedded: list[torch.Tensor]) -> torch.Tensor:
    """Mean and maximum over sites: (batch, width) of each → (batch, 2 × width)."""
    total = most = embedded[0]
    for one in embedded[1:]:
        total = total + one
        most = one + (most - one).relu_()  # the gradients of `maximum` and `amax` take ten times as long
    return torch.cat([total / len(embedded), most], 1)


class SiteEmbedding(nn.Module):
    """A vector for each site, and their mean and maximum.

    It computes in the type of what it sees; its weights, and their gradients, are float32.
    """

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.layout, self.common = layout, layout.job + layout.clock
        self.embed_common, self.embed_site = orthogonal((self.common, layout.site), width, HIDDEN_GAIN)
        self.embed_bias = nn.Parameter(torch.zeros(width))

    def embed(self, seen: Seen) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Embedded sites, (batch, width) each, and their context (batch, 2 × width).

        Sites one by one: a product that begins with what they share costs no sum, and no gradient of one.
        """
        kind = seen.own.dtype
        shared = torch.addmm(self.embed_bias.to(kind), seen.common, self.embed_common.to(kind))
        weights = self.embed_site.to(kind)
        embedded = [torch.addmm(shared, own, weights).relu_() for own in seen.own.unbind()]
        return embedded, pooled(embedded)


class Weighing(nn.Module):
    """What the parts of a job's cost come to: at first what cost-greedy makes of them."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.weigh_common = nn.Parameter(torch.zeros(layout.job + layout.clock, len(HEADS)))
        self.weigh_site = nn.Parameter(torch.zeros(layout.site, len(HEADS)))
        self.weigh_bias = nn.Parameter(torch.tensor([FIRST_BIAS.get(head, 0.0) for head in HEADS]))
        self.sharpness = nn.Parameter(torch.full((1,), SHARPNESS))

    def forward(self, seen: Seen) -> torch.Tensor:
        """What it adds to the scores, (sites + 1, batch).

        Heads stand first: of the ways to lay out such narrow products, the gradient of this one takes a fifth of the
        time of others.
        """
        common, site = self.weigh_common.t().contiguous(), self.weigh_site.t().contiguous()
        shared = torch.addmm(self.weigh_bias.unsqueeze(1), common, seen.common.t())
        own = (site @ seen.own.flatten(0, 1).t()).unflatten(1, seen.own.shape[:2])
        heads = hardtanh(own.add_(shared.unsqueeze(1)), -LIMIT, LIMIT)
        logarithms, favour, _ = heads.split([FAVOUR, 1, len(HEADS) - FAVOUR - 1])
        money, running, holding = (logarithms.exp() * counted(seen.own)).split([WAITING, HOLDING - WAITING, 1])
        spent = money.sum(0)
        cost, calm = spent + running.sum(0), (spent + holding.squeeze(0)).amin(0, keepdim=True)
        return self.sharpness * torch.cat([favour.squeeze(0) - (cost + LEAST).log(), -(calm + LEAST).log()])


def counted(own: torch.Tensor) -> torch.Tensor:
    """Own parts (sites, batch, site) → what each head but the last two is a factor of, (heads − 2, sites, batch)."""
    metered, committed, waiting, starting, evicting, makes_way, hour = relu(own[..., -PARTS:]).unbind(2)
    held = waiting + starting + PATIENCE * hour
    return torch.stack([metered, committed, waiting * (1 - makes_way), starting, evicting, held])


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
        """(batch, size) → scores (batch, sites + 1), holding last."""
        seen = Seen.of(observation, self.layout)
        return self.scores(seen, seen).t()

    def scores(self, seen: Seen, exact: Seen) -> torch.Tensor:
        """Scores (sites + 1, batch), float32: hidden layers read what is `seen`, the weighing the same in float32."""
        kind = seen.own.dtype
        embedded, context = self.embed(seen)
        shared = torch.addmm(self.score_bias.to(kind), context, self.score_context.to(kind))
        weights, out = self.score_site.to(kind), self.score_out.to(kind)
        sites = [torch.addmm(shared, one, weights).relu_() @ out for one in embedded]
        shared = torch.addmm(self.hold_bias.to(kind), seen.common, self.hold_common.to(kind))
        held = torch.addmm(shared, context, self.hold_context.to(kind)).relu_()
        hold = torch.addmm(self.hold_out_bias.to(kind), held, self.hold_out.to(kind))
        return torch.cat([*sites, hold], 1).t().float() + self.weighing(exact)

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
        """(batch, size) → (batch, width)."""
        return self.hidden(Seen.of(observation, self.layout))

    def hidden(self, seen: Seen) -> torch.Tensor:
        """(batch, width), of the type of what is seen."""
        _, context = self.embed(seen)
        kind, beside = context.dtype, torch.cat([context, seen.common], 1)
        return torch.addmm(self.value_bias.to(kind), beside, self.value_context.to(kind)).relu_()


class Judged(NamedTuple):
    """What a policy says of a batch of observations; both float32."""

    logs: torch.Tensor  # (actions, batch): logarithms of π, far below 0 where illegal
    values: torch.Tensor  # (batch,)


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

    def judged(self, observation: torch.Tensor, masks: torch.Tensor, precision: torch.dtype) -> Judged:
        """What it says of observations (batch, size) with masks (batch, actions) of legal actions.

        `precision` is the type in which hidden layers compute. The weighing of costs and the value are read in
        float32: the one has exponentials, and advantages are made of small differences of the other.
        """
        exact = Seen.of(observation, self.layout)
        seen = exact.to(precision)
        scores = self.actor.scores(seen, exact).masked_fill(~masks.t(), ILLEGAL)
        return Judged(torch.log_softmax(scores, 0), self._value_of(seen))

    @torch.inference_mode()
    def valued(self, observation: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
        """The values alone, (batch,) float32."""
        return self._value_of(Seen.of(observation, self.layout).to(precision))

    def _value_of(self, seen: Seen) -> torch.Tensor:
        critic: SiteCritic = self.mlp_extractor.critic
        return self.value_net(critic.hidden(seen).float()).squeeze(1)
