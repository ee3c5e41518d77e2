"""How much work of each kind is offered: from shares of the accelerator-hours to jobs, pipelines and blocks per hour.

A share is a part of what the committed sites can do, times the scenario's load. A job does gang × walltime at speed 1,
whatever the site. A block of serving occupies its accelerators until its end, wherever it runs, so serving is counted
by accelerators: its share is one of the committed accelerators.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from ..fastsim.errors import InputError
from ..fastsim.spec import MAX_CLASSES
from ..fastsim.units import HOUR
from .pipelines import Pipeline
from .quantities import whole
from .serving import Serving
from .work import ClassTerms, JobClass


class Offered(NamedTuple):
    """The work of a scenario on day 0, at one load."""

    classes: Sequence[JobClass]
    pipelines: Sequence[Pipeline]
    serving: Sequence[Serving]
    work: Fraction  # accelerator-hours at speed 1, per hour, of all kinds
    accelerators: Fraction  # that all this would occupy on committed sites

    def part(self, share: Fraction) -> Fraction:
        """A class's or pipeline's share as a part of all that is offered."""
        terms: list[ClassTerms] = [*self.classes, *self.serving]
        return share / sum(Fraction(cls.share) for cls in terms)

    def pipelines_per_hour(self, pipeline: Pipeline) -> Fraction:
        """Mean submissions of a kind of pipeline."""
        work = pipeline.mean_work({cls.name: cls for cls in self.classes})
        return self.work * self.part(Fraction(pipeline.share)) / (work / HOUR)

    def in_pipelines(self, cls: JobClass) -> Fraction:
        """Accelerator-hours at speed 1, per hour, that pipelines bring of a class."""
        work = Fraction(0)
        for pipeline in self.pipelines:
            stages = [stage for stage in pipeline.stages if stage.job_class == cls.name]
            work += self.pipelines_per_hour(pipeline) * sum(stage.mean_work(cls) for stage in stages)
        return work / HOUR

    def alone_per_hour(self, cls: JobClass) -> Fraction:
        """Mean arrivals of a class outside pipelines: what these leave of its share."""
        work = self.work * self.part(Fraction(cls.share)) - self.in_pipelines(cls)
        return work / (cls.mean_gang * cls.mean_walltime / HOUR)

    def members_per_hour(self, cls: JobClass) -> Fraction:
        """Mean arrivals of a class in pipelines."""
        members = Fraction(0)
        for pipeline in self.pipelines:
            count = sum(stage.mean_members for stage in pipeline.stages if stage.job_class == cls.name)
            members += self.pipelines_per_hour(pipeline) * count
        return members

    def served(self, serving: Serving) -> Fraction:
        """Mean accelerators that a service needs."""
        return self.accelerators * self.part(Fraction(serving.share))

    def jobs_per_hour(self, cls: ClassTerms) -> Fraction:
        """Mean arrivals of a class: alone, in pipelines, or as blocks (of these a little too many)."""
        if isinstance(cls, Serving):
            return Fraction(cls.blocks_per_hour(self.served(cls)))
        assert isinstance(cls, JobClass)
        return self.alone_per_hour(cls) + self.members_per_hour(cls)

    def largest_jobs_per_hour(self, cls: ClassTerms) -> Fraction:
        """Mean arrivals of a class while demand for serving surges."""
        return self.jobs_per_hour(cls) * (cls.largest_surge if isinstance(cls, Serving) else 1)

    def largest_gangs_per_hour(self, cls: ClassTerms) -> Fraction:
        """The gangs of these arrivals, added up."""
        if isinstance(cls, Serving):
            return self.largest_jobs_per_hour(cls) * cls.gang
        assert isinstance(cls, JobClass)
        gangs = self.alone_per_hour(cls) * cls.mean_gang
        for pipeline in self.pipelines:
            stages = [stage for stage in pipeline.stages if stage.job_class == cls.name]
            gangs += self.pipelines_per_hour(pipeline) * sum(stage.mean_accelerators(cls) for stage in stages)
        return gangs

    @property
    def longest_walltime(self) -> int:
        """The longest requested walltime there can be [ms]."""
        stages = [stage.walltime for pipeline in self.pipelines for stage in pipeline.stages]
        walltimes = [*(cls.walltime for cls in self.classes), *filter(None, stages)]
        return max([walltime.longest for walltime in walltimes] + [cls.longest * cls.slot for cls in self.serving])

    @property
    def penalties_per_hour(self) -> Fraction:
        """What the deadlines of an hour's arrivals cost if all are missed and requests are exact [µ$ per hour]."""
        total = Fraction(0)
        for part in (*self.classes, *self.pipelines):
            if part.deadline is not None:
                rate = whole(part.deadline.penalty_per_hour, "dollars") * Fraction(part.deadline.share)
                total += self.work * self.part(Fraction(part.share)) * rate
        return total


def check_shares(offered: Offered) -> None:
    """Refuse pipelines that bring more of a class than its share. Raises InputError."""
    for index, cls in enumerate(offered.classes):
        brought = offered.in_pipelines(cls)
        share = offered.work * offered.part(Fraction(cls.share))
        if brought > share:
            per_cent = f"{float(brought / share):.0%}"
            remedy = "lower the share of a pipeline, or raise that of the class"
            raise InputError(f"classes[{index}].share", "share", cls.share, f"pipelines alone bring {per_cent}", remedy)


def check_names(offered: Offered) -> None:
    """Refuse too many classes, two of one name, and stages of a class that there is not. Raises InputError."""
    classes = [cls.name for cls in offered.classes]
    if len(classes) + len(offered.serving) > MAX_CLASSES:
        reason = f"with {len(classes)} classes of jobs they exceed {MAX_CLASSES}"
        raise InputError("serving", "services", len(offered.serving), reason, "use fewer")
    for index, service in enumerate(offered.serving):
        if service.name in classes:
            raise InputError(f"serving[{index}].name", "name", service.name, "a class has it", "rename one")
    for index, pipeline in enumerate(offered.pipelines):
        for place, stage in enumerate(pipeline.stages):
            if stage.job_class not in classes:
                where, choices = f"pipelines[{index}].stages[{place}].job_class", f"use one of {', '.join(classes)}"
                raise InputError(where, "class", stage.job_class, "there is none of this name", choices)
