"""One submission of the generator: a batch of jobs of one class, or a pipeline, from its key."""

import numpy as np

from ..fastsim.jit import kernel
from ..fastsim.keyed import bits_of, quantile, uniform
from ..fastsim.units import cost, permille
from .demand import CERTAIN, NONE, Demand
from .drawn import choice
from .names import (
    DATASET,
    DRAWS,
    DUE,
    EARLY,
    FACTOR,
    GANG,
    HOME,
    NATIVE,
    RELEASE,
    REQUEST,
    SIZE,
    SLACK,
    SPACING,
    STAGES,
    STOP,
    TAGS,
    WALLTIME,
)
from .work import SHORTEST

# `places`, (60, 2) int64: of each stage of the pipeline, its first member and the number of its members
FIRST, NUMBER = 0, 1


@kernel
def requested(demand: Demand, row: int, planned: int, submission: np.uint64, first: int) -> int:
    """Requested walltime [ms] of a job planned to run `planned` ms."""
    case = uniform(bits_of(submission, first + REQUEST), 1000)
    factor = bits_of(submission, first + FACTOR)
    exact, overrun = demand.requests[0], demand.requests[1]
    ratio = 1000
    if case >= exact + overrun:
        ratio = 1000 + uniform(factor, demand.requests[2] - 999)
    elif case >= exact:
        ratio = 500 + uniform(factor, 500)
    return max(1, min(planned * ratio // 1000, demand.longest[row]))


@kernel
def fill_run(demand: Demand, row: int, submission: np.uint64, first: int, job: np.record) -> None:
    """Walltime and request of one job, from the draws numbered `first` on."""
    planned = quantile(demand.walltime[row], bits_of(submission, first + WALLTIME))
    walltime = planned
    if uniform(bits_of(submission, first + EARLY), CERTAIN) < demand.early[row, 0]:
        part = uniform(bits_of(submission, first + STOP), demand.early[row, 1])
        walltime = max(SHORTEST, planned * (part >> 10) >> 20)  # 38 + 20 bits
        job.is_cancelled = 1
    job.walltime = walltime
    job.requested = requested(demand, row, planned, submission, first)


@kernel
def billions_of(demand: Demand, gang: int) -> int:
    """Parameters of the model on which a gang works, in billions."""
    size = len(demand.models) - 1
    while demand.models[size, 0] > gang:
        size -= 1
    return demand.models[size, 1]


@kernel
def fill_kind(demand: Demand, row: int, submission: np.uint64, gang: int, billions: int, job: np.record) -> None:
    """What the jobs of a submission have in common: gang, class, needs and data."""
    job.gang = gang
    job.cls = demand.cls[row]
    job.priority = demand.priority[row]
    job.tags = choice(demand.tags, row, bits_of(submission, TAGS))
    job.silicon = NONE if job.tags else choice(demand.native, row, bits_of(submission, NATIVE))
    job.input = choice(demand.dataset, row, bits_of(submission, DATASET))
    if job.parents == 0:
        job.input += demand.weights[row, 0] * billions
    job.home = choice(demand.homes, 0, bits_of(submission, HOME)) if job.input else 0
    job.output = demand.weights[row, 1] * billions
    job.snapshot = demand.state[row] * billions
    job.partner = NONE


@kernel
def allowance(terms: np.ndarray, length: int, submission: np.uint64, first: int) -> int:
    """Time from arrival to the deadline of work of this length [ms], by a row of deadlines; 0: it has none."""
    if uniform(bits_of(submission, first + DUE), CERTAIN) >= terms[0]:
        return 0
    slack = bits_of(submission, first + SLACK)
    ratio = terms[1] + uniform(slack, terms[2] + 1)
    return length + permille(length, ratio) + terms[3] + (uniform(slack, 1 << 20) * terms[4] >> 20)


@kernel
def submit_batch(
    demand: Demand, cls: int, submission: np.uint64, at: int, end: int, jobs: np.recarray, count: int
) -> int:
    """Append the jobs of one batch that arrive before `end`, as far as there is room; the new count."""
    gang = choice(demand.gangs, cls, bits_of(submission, GANG))
    size = choice(demand.batches, cls, bits_of(submission, SIZE))
    for place in range(size):
        first = DRAWS * (place + 1)
        if place > 0 and demand.spacing[cls] > 0:
            at += uniform(bits_of(submission, first + SPACING), 2 * demand.spacing[cls])
        if at >= end:
            break
        if count < len(jobs):
            jobs[count].arrival = at
            fill_kind(demand, cls, submission, gang, billions_of(demand, gang), jobs[count])
            fill_run(demand, cls, submission, first, jobs[count])
            time = allowance(demand.deadline[cls], jobs[count].requested, submission, first)
            if time > 0:
                jobs[count].deadline = at + time
                jobs[count].penalty = cost(gang * jobs[count].requested, demand.deadline[cls, 5])
        count += 1
    return count


@kernel
def lay_out(demand: Demand, pipeline: int, submission: np.uint64, places: np.ndarray) -> int:
    """Decide how many members each stage of a pipeline has; all members."""
    members = 0
    begin = demand.first[pipeline]
    for stage in range(begin, demand.first[pipeline + 1]):
        wanted = choice(demand.wanted, stage, bits_of(submission, STAGES + stage - begin))
        each = folded(wanted, demand.most[stage])
        places[stage - begin, FIRST] = members
        places[stage - begin, NUMBER] = (wanted + each - 1) // each
        members += places[stage - begin, NUMBER]
    return members


@kernel
def folded(wanted: int, most: int) -> int:
    """How many jobs of a burst one member stands for."""
    return (wanted + most - 1) // most


@kernel
def members_of(stages: int, places: np.ndarray) -> int:
    """Bit set of the members of a bit set of stages."""
    members = 0
    for stage in range(len(places)):
        if stages >> stage & 1:
            members |= ((1 << places[stage, NUMBER]) - 1) << places[stage, FIRST]
    return members


@kernel
def pair(job: np.record, other: np.record, sync: int) -> None:
    """Make two members partners that exchange `sync` MB."""
    job.partner = other.member
    job.sync = sync
    other.partner = job.member
    other.sync = sync


@kernel
def fill_stage(
    demand: Demand,
    stage: int,
    begin: int,
    submission: np.uint64,
    billions: int,
    places: np.ndarray,
    jobs: np.recarray,
    count: int,
) -> None:
    """Fill the members of one stage of a pipeline; member 0 is `jobs[count]`, `begin` the pipeline's first stage."""
    row = len(demand.spacing) + stage
    wanted = choice(demand.wanted, stage, bits_of(submission, STAGES + stage - begin))
    gang = choice(demand.gangs, row, bits_of(submission, GANG)) * folded(wanted, demand.most[stage])
    parents = members_of(demand.parents[stage], places)
    first = places[stage - begin, FIRST]
    for member in range(first, first + places[stage - begin, NUMBER]):
        job = jobs[count + member]
        job.member = member
        job.parents = parents
        fill_kind(demand, row, submission, gang, billions, job)
        partner = demand.partner[stage]
        drawn = member
        if partner != NONE:
            drawn = places[partner, FIRST]  # side by side: one walltime
            pair(job, jobs[count + drawn], demand.syncs[stage] * billions)
        fill_run(demand, row, submission, DRAWS * (drawn + 1), job)


@kernel
def longest_chain(jobs: np.recarray, base: int, count: int) -> int:
    """Longest chain of requested walltimes in the pipeline jobs[base:count] [ms]; `deadline` holds the ends so far."""
    longest = 0
    for job in range(base, count):
        ready = 0
        for parent in range(jobs[job].member):
            if jobs[job].parents >> parent & 1:
                ready = max(ready, jobs[base + parent].deadline)
        jobs[job].deadline = ready + jobs[job].requested
        longest = max(longest, jobs[job].deadline)
    for job in range(base, count):
        jobs[job].deadline = 0
    return longest


@kernel
def set_release(
    terms: np.ndarray, submission: np.uint64, last_stage: int, jobs: np.recarray, base: int, count: int
) -> None:
    """Give the last stage, from member `last_stage` on, the pipeline's deadline, each an equal part of the penalty."""
    time = allowance(terms, longest_chain(jobs, base, count), submission, RELEASE)
    if time == 0:
        return
    work = 0
    for job in range(base, count):
        work += jobs[job].gang * jobs[job].requested
    penalty = cost(work, terms[5]) // (count - base - last_stage)
    for job in range(base + last_stage, count):
        jobs[job].deadline = jobs[job].arrival + time
        jobs[job].penalty = penalty


@kernel
def submit_pipeline(
    demand: Demand,
    pipeline: int,
    submission: np.uint64,
    at: int,
    places: np.ndarray,
    jobs: np.recarray,
    count: int,
) -> int:
    """Append the members of one pipeline, if there is room for all; the new count."""
    members = lay_out(demand, pipeline, submission, places)
    if count + members > len(jobs):
        return count + members
    begin, end = demand.first[pipeline], demand.first[pipeline + 1]
    billions = billions_of(demand, choice(demand.gangs, len(demand.spacing) + begin, bits_of(submission, GANG)))
    for job in range(count, count + members):
        jobs[job].arrival = at
    for stage in range(begin, end):
        fill_stage(demand, stage, begin, submission, billions, places, jobs, count)
    set_release(demand.release[pipeline], submission, places[end - begin - 1, FIRST], jobs, count, count + members)
    return count + members
