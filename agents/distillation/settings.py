"""What a distillation is made of: every knob with its default, saved as `settings.json` beside the run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

IS = "="  # between a scenario and its teacher


class Settings(BaseModel):
    """Knobs of one distillation. The weights follow from these, the scenarios, the teachers and the version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["distillation"] = "distillation"
    pairs: tuple[str, ...] = Field(min_length=1, description="SCENARIO=TEACHER: who labels a scenario's offers")
    variants: int = Field(default=70, ge=0, le=1024, description="random variants, the scenarios taking turns")
    rounds: int = Field(default=6, ge=1, le=64, description="of collecting labels and fitting them")
    offers: int = Field(default=75, ge=1, description="of every episode that a round labels")
    steps: int = Field(default=500, ge=1, description="of the optimizer after a round")
    last_steps: int = Field(default=4000, ge=1, description="of the optimizer after the last round")
    rows: int = Field(default=2048, ge=1, description="labels of a step, for each number of sites")
    rate: float = Field(default=0.03, gt=0, le=1, description="Adam's step size, which falls to 0 in every fit")
    sharpness: float = Field(default=10.0, gt=0, description="of the student's choices while it learns")
    ridge: float = Field(default=1e-5, ge=0, description="on the squares of how far weights go from the start's")
    seed: int = Field(default=1, ge=0, lt=2**31, description="names the variants, the offers and the order of labels")
    width: int = Field(default=16, ge=1, le=256, description="of the hidden layers")
    start: str = Field(default="", description="bundle or run whose weighing it begins with; none: cost-greedy")
