"""Pipelines: jobs that belong together, stage after stage, as one writes them in a scenario's file.

All members of a pipeline arrive at once; a member is ready when its parents have finished, and finds their output where
they ran. A pipeline has at most 60 members.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from .quantities import Name, Part, Share, Weight, Whole, mean_of
from .work import Deadline, JobClass, Walltime, Weights

MOST_MEMBERS = 60  # rules.md, section 2
ONE = {1: Decimal(1)}


class Stage(Part):
    """Jobs of one class in one place of a pipeline; each of them has all members of the parent stages as parents.

    Where the drawn count exceeds `most_members`, jobs are folded: k of them become one with k times the gang, k as
    small as possible. (Evaluation bursts of hundreds of small jobs become few larger ones.)
    """

    name: Name
    job_class: Name
    parents: tuple[Name, ...] = ()
    count: Weights = Field(default_factory=lambda: ONE)  # jobs → weight
    most_members: Annotated[Whole, Field(ge=1, le=MOST_MEMBERS)] = MOST_MEMBERS
    gangs: Weights | None = None  # where they differ from the class's; one for all members
    walltime: Walltime | None = None  # where it differs from the class's
    partner: Name | None = None  # a stage before: both run side by side, with one draw of the walltime
    weight_syncs: Annotated[Whole, Field(ge=0, le=1 << 20)] = 0  # with the partner: how often weights are exchanged

    def folded(self, count: int) -> tuple[int, int]:
        """Members, and how many jobs each of them stands for, of a burst of `count` jobs."""
        each = -(-count // self.most_members)
        return -(-count // each), each

    @property
    def largest(self) -> int:
        """The most members it can have."""
        return max(self.folded(count)[0] for count in self.count)

    @property
    def mean_members(self) -> Fraction:
        """Members of one pipeline."""
        total = sum(Fraction(weight) for weight in self.count.values())
        members = [Fraction(weight) * self.folded(count)[0] for count, weight in self.count.items()]
        return sum(members, Fraction(0)) / total

    def mean_work(self, cls: JobClass) -> Fraction:
        """Accelerator-ms at speed 1 of one pipeline's jobs in this stage; `cls` is its class."""
        return self.mean_accelerators(cls) * cls.mean_of_walltime(self.walltime or cls.walltime)

    def mean_accelerators(self, cls: JobClass) -> Fraction:
        """Gangs of one pipeline's jobs in this stage, added up; `cls` is its class."""
        total = sum(Fraction(weight) for weight in self.count.values())
        members = [(self.folded(count), Fraction(weight)) for count, weight in self.count.items()]
        jobs = sum((weight * number * each for (number, each), weight in members), Fraction(0)) / total
        return jobs * mean_of(self.gangs or cls.gangs)


class Pipeline(Part):
    """A kind of pipeline: which stages, how often, and until when.

    Its members have the required tag, the native silicon and the model in common, and large ones have large gangs in
    every stage. A deadline falls on the members of the last stage; its penalty counts the whole pipeline.
    """

    name: Name
    share: Weight  # of the offered accelerator-hours, in the measure of the classes' shares, of which it is a part
    rhythm: Share = Decimal(1)  # 1: submissions follow the hours of the week; 0: not at all
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MOST_MEMBERS)]
    deadline: Deadline | None = None

    @model_validator(mode="after")
    def _stages_follow_each_other(self) -> "Pipeline":
        before: dict[str, Stage] = {}
        for index, stage in enumerate(self.stages):
            where = f"stages[{index}]"
            if stage.name in before:
                raise InputError(f"{where}.name", "name", stage.name, "given twice", "rename one")
            for parent in stage.parents:
                if parent not in before:
                    raise InputError(f"{where}.parents", "stage", parent, "none before it has this name", "correct it")
            _check_partner(where, stage, before)
            before[stage.name] = stage
        return self

    @model_validator(mode="after")
    def _has_room(self) -> "Pipeline":
        members = sum(stage.largest for stage in self.stages)
        if members > MOST_MEMBERS:
            reason = f"at most {MOST_MEMBERS} are possible"
            raise InputError("stages", "members", members, reason, "lower count or most_members")
        return self

    def position(self, stage: str) -> int:
        """Which of the stages has this name."""
        return [other.name for other in self.stages].index(stage)

    def mean_work(self, classes: dict[str, JobClass]) -> Fraction:
        """Accelerator-ms at speed 1 of one pipeline."""
        return sum((stage.mean_work(classes[stage.job_class]) for stage in self.stages), Fraction(0))


def _check_partner(where: str, stage: Stage, before: dict[str, Stage]) -> None:
    """Refuse a partner that is not one job beside this one."""
    if stage.partner is None:
        if stage.weight_syncs:
            raise InputError(f"{where}.weight_syncs", "syncs", stage.weight_syncs, "it has no partner", "remove them")
        return
    if stage.partner not in before:
        raise InputError(f"{where}.partner", "stage", stage.partner, "none before it has this name", "correct it")
    other = before[stage.partner]
    if stage.largest > 1 or other.largest > 1:
        raise InputError(f"{where}.partner", "members", max(stage.largest, other.largest), "only single jobs pair", "1")
    if other.partner is not None or sum(1 for s in before.values() if s.partner == stage.partner):
        raise InputError(f"{where}.partner", "stage", stage.partner, "it has a partner", "choose another")
    if set(other.parents) != set(stage.parents):
        raise InputError(f"{where}.partner", "stage", stage.partner, "it has other parents", "give both the same")
