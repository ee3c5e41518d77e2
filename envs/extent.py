"""How far the work of a scenario reaches: what the proof against overflow (bounds.py) needs to know of it."""

from fractions import Fraction
from math import ceil

from ..fastsim.units import DAY
from .bounds import Extent
from .contracts import Episodes
from .offered import Offered
from .pipelines import MOST_MEMBERS
from .work import Deadline, Models, Workload

MB_PER_GB = 1000
MB_PER_BILLION = 1000  # of parameters, for a byte of each


def extent_of(episodes: Episodes, workload: Workload, offered: Offered) -> Extent:
    """The extent of the whole span at the load of `offered`."""
    terms = (*offered.classes, *offered.serving)
    hours = episodes.span_days * 24 * workload.largest_growth
    gangs = [ceil(offered.largest_gangs_per_hour(cls) * hours) for cls in terms]
    return Extent(
        span=episodes.span_days * DAY,
        jobs=sum(ceil(offered.largest_jobs_per_hour(cls) * hours) for cls in terms),
        accelerators=sum(gangs),
        blocks=sum(gangs[len(offered.classes) :]),
        is_serving=[*(False for _ in offered.classes), *(True for _ in offered.serving)],
        walltime=offered.longest_walltime,
        gang=_largest_gang(offered),
        data=_most_data(offered, workload.models),
        deadline=_longest_deadline(offered),
        penalties=ceil(offered.penalties_per_hour * hours * _most_requested(offered, workload)),
    )


def _most_requested(offered: Offered, workload: Workload) -> Fraction:
    """Work that is requested over work that is done, at most, on average: early ends, requests that are too long."""
    early = max(cls.walltime.mean / cls.mean_walltime for cls in offered.classes)
    return early * Fraction(workload.requests.up_to)


def _largest_gang(offered: Offered) -> int:
    """The largest gang of any job or block; in a folded stage one job stands for several."""
    classes = {cls.name: cls for cls in offered.classes}
    gangs = [max(cls.gangs) for cls in offered.classes] + [serving.gang for serving in offered.serving]
    for stage in (stage for pipeline in offered.pipelines for stage in pipeline.stages):
        folded = max(stage.folded(count)[1] for count in stage.count)
        gangs.append(folded * max(stage.gangs or classes[stage.job_class].gangs))
    return max(gangs)


def _most_data(offered: Offered, models: Models | None) -> int:
    """MB, the most that one run can need from elsewhere: a dataset, models of parents, a state, a partner's weights."""
    if models is None:
        return 0
    billions = max([*models.billions.values(), *(serving.billions for serving in offered.serving)])
    syncs = max((stage.weight_syncs for pipeline in offered.pipelines for stage in pipeline.stages), default=0)
    dataset = max(max(cls.dataset_gb) for cls in offered.classes)
    handed_on = (MOST_MEMBERS + syncs) * models.weights_bytes
    return dataset * MB_PER_GB + (handed_on + models.state_bytes) * billions * MB_PER_BILLION


def _longest_deadline(offered: Offered) -> int:
    """From arrival to deadline [ms], at most: of a pipeline whose stages all follow each other."""

    def longest(deadline: Deadline | None, stages: int) -> int:
        if deadline is None:
            return 0
        slack, width, hours, more, _ = deadline.row
        walltime = stages * offered.longest_walltime
        return walltime + ceil(walltime * Fraction(slack + width, 1000)) + hours + more

    alone = [longest(cls.deadline, 1) for cls in offered.classes]
    return max([*alone, *(longest(pipeline.deadline, len(pipeline.stages)) for pipeline in offered.pipelines)])
