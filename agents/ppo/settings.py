"""What a training run is made of: every knob with its default, saved as `settings.json` beside the run."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """Knobs of one PPO run. A decision is one step of one episode, an update what is learned from one collection."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minutes: float = Field(
        default=3.0,
        gt=0,
        description="stop after this wall-clock time; schedules follow it, so no two runs are equal",
    )
    updates: int = Field(
        default=0,
        ge=0,
        description="stop after so many updates instead; schedules follow them",
    )
    decisions: int = Field(default=2**60, gt=0, description="stop after this many decisions, if that comes first")
    seed: int = Field(default=1, ge=0, lt=2**31, description="seed of weights, actions and episodes")
    width: int = Field(default=64, ge=1, le=256, description="width of every hidden layer")
    episodes: int = Field(default=256, ge=1, description="episodes played side by side")
    steps: int = Field(default=128, ge=1, description="decisions of each episode per update")
    minibatch: int = Field(default=16_384, ge=2, description="decisions per gradient step")
    epochs: int = Field(default=2, ge=1, description="passes over the decisions of one update")
    start: str = Field(
        default="",
        description="bundle to go on from, or rule to imitate first; best-tuned or cost-greedy",
    )
    imitated: int = Field(default=409_600, ge=0, description="offers labelled by that rule for a warm start; 0: none")
    imitation_epochs: int = Field(default=6, ge=1, description="passes over those labels")
    imitation_noise: float = Field(
        default=0.1, ge=0, le=1, description="share of random answers while they are collected"
    )
    critic_share: float = Field(
        default=0.2, ge=0, lt=1, description="first share of the run in which only the critic learns"
    )
    learning_rate: float = Field(default=3e-5, gt=0, description="Adam's step size for the actor; falls to zero")
    critic_rate: float = Field(default=5e-4, gt=0, description="the same for the critic")
    clip: float = Field(default=0.1, gt=0, description="PPO's bound on the change of an action's probability ratio")
    gamma: float = Field(default=0.9998, gt=0, le=1, description="discount per decision")
    gae: float = Field(default=0.97, ge=0, le=1, description="lambda of generalised advantage estimation")
    entropy: float = Field(
        default=0.0, ge=0, description="weight of the entropy bonus; falls to zero like the learning rate"
    )
    value: float = Field(default=0.5, ge=0, description="weight of the critic's squared error")
    gradient: float = Field(default=0.5, gt=0, description="largest norm of a gradient")
    advantages: Literal["gae", "branch", "blend"] = Field(
        default="gae",
        description="what judges actions: rewards and a critic, branches of the future, or short ones and a critic",
    )
    objective: Literal["clipped", "unclipped", "classification"] = Field(
        default="clipped",
        description="what is learned from branches: PPO's, expected cost, or the cheapest action",
    )
    labels: int = Field(default=1024, ge=2, description="sampled offers per update, each with all its branches")
    label_spacing: float = Field(
        default=25.0, gt=0, description="work, in that of a mean job, from which on an offer is always sampled"
    )
    label_chance: float = Field(default=1e-4, gt=0, le=1, description="least chance of an offer to be sampled")
    branch_hours: float = Field(default=48.0, gt=0, description="simulated hours of every branch")
    branch_stretch: float = Field(default=1.5, ge=0, description="hours more for each requested hour of the job")
    blend_hours: float = Field(default=12.0, gt=0, description="the same where a critic values what is beyond")
    blend_stretch: float = Field(default=1.0, ge=0, description="the same")
    value_hours: float = Field(default=48.0, gt=0, description="hours beyond, of which the critic learns the cost")
    redraw: int = Field(default=10, ge=1, description="label sets that are gathered from one draw of work")
    held_out: float = Field(default=0.1, gt=0, lt=1, description="share of labels that shows what was really gained")
    refreshes: int = Field(default=30, ge=1, description="times that the policy to stay near to is taken anew")
    label_kl: float = Field(default=0.1, gt=0, description="divergence from the first policy at which they end")
    label_rows: int = Field(default=128, ge=1, description="labels per gradient step")
    branch_rate: float = Field(default=5e-4, gt=0, description="Adam's step size for the actor on labels; falls")
    branch_clip: float = Field(default=0.2, gt=0, description="the bound on an action's probability ratio on labels")
    advantage_limit: float = Field(default=20.0, gt=0, description="largest weighted cost, in that of a mean label")
    value_epochs: int = Field(default=10, ge=1, description="passes of the critic over a label set")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="numbers of the hidden layers with gae; auto: bfloat16 where the processor computes with them",
    )
    # On two busy cores two threads were ten times slower than one: they wait for each other.
    threads: int = Field(default=1, ge=1, description="torch threads; another number gives other last bits")
    checkpoint_minutes: float = Field(default=5.0, gt=0, description="time between checkpoints")
    checkpoint_updates: int = Field(
        default=10, ge=1, description="updates between checkpoints, beside, where a run ends after some"
    )
    checkpoints: int = Field(default=3, ge=1, description="checkpoints kept")
    evaluate_episodes: int = Field(
        default=16, ge=0, description="validation weeks that the policy plays from time to time; 0: none"
    )
    evaluate_minutes: float = Field(
        default=1.0, gt=0, description="time between such evaluations, of which they take a fiftieth at most"
    )
    evaluate_updates: int = Field(
        default=10, ge=1, description="updates between them instead, where a run ends after some"
    )
    clairvoyant_episodes: int = Field(
        default=0, ge=0, description="validation weeks that a clairvoyant plays before training, in minutes; 0: none"
    )
    clairvoyant_jobs: int = Field(
        default=20, ge=1, description="jobs of each such week, the largest, whose actions it tries"
    )

    @model_validator(mode="after")
    def _minibatches_are_equal(self) -> Self:
        """A last minibatch of one decision would have no standard deviation."""
        if self.advantages == "gae" and self.episodes * self.steps % self.minibatch:
            raise ValueError(f"minibatch {self.minibatch} must divide episodes × steps = {self.episodes * self.steps}")
        return self
