"""Jobs of random worlds: alone, in pipelines, and blocks of serving."""

from collections.abc import Sequence
from random import Random

from .taste import Taste
from .world import Job


def random_jobs(rng: Random, taste: Taste, classes: int, providers: int) -> list[Job]:
    """20 to 120 jobs in order of arrival, several at one instant, some that overrun and a few that suit no site."""
    levels = rng.choice([2, 3, 8] if taste.has("preemption") else [1, 2, 8])
    wanted = rng.randint(20, 120)
    groups: list[list[Job]] = []
    while sum(len(group) for group in groups) < wanted:
        arrival = taste.tick * rng.randint(0, taste.span)
        size = rng.choice([1, 1, 2, 3, 4, 5, 12]) if taste.has("pipelines") else 1
        members = [random_job(rng, taste, arrival, classes, levels, providers) for _ in range(size)]
        if size > 1:
            join(rng, taste, members)
        elif taste.has("blocks") and rng.random() < 0.35:
            make_block(rng, taste, members[0])
        groups.append(members)
    return [job for group in sorted(groups, key=lambda group: group[0].arrival) for job in group]


def random_job(rng: Random, taste: Taste, arrival: int, classes: int, levels: int, providers: int) -> Job:
    """A job that is alone so far."""
    tick = taste.tick
    own = 2 * tick if taste.is_tidy else rng.randint(1, 10 * tick)
    walltime = rng.choice([tick, 2 * tick, tick * rng.randint(1, 25), own])
    longer = walltime + tick * rng.randint(1, 10)
    shorter = max(tick, walltime - tick * rng.randint(1, 15))
    job = Job(
        arrival=arrival,
        walltime=walltime,
        requested=rng.choice([walltime, walltime, longer, shorter, shorter if taste.is_tidy else max(1, walltime - 1)]),
        gang=rng.choice([1, 2, 3, 4, 5, 8, rng.randint(1, 16), rng.choice([6, 12, 24, 1, 1, 1000])]),
        tags=rng.choice([1, 2, 4]) if rng.random() < 0.15 else 0,
        cls=rng.randrange(classes),
        priority=rng.randrange(levels),
    )
    if taste.has("preemption") and job.priority == 0:
        job.gang = min(job.gang, rng.randint(1, 5))  # several of them make room for one that is larger
    if taste.has("silicon"):
        job.silicon = rng.choice([-1, 0, 1, 2])
    if taste.has("data"):
        job.input = taste.size(rng)
        job.home = rng.randrange(providers) if job.input else 0
        job.output, job.snapshot = taste.size(rng), taste.size(rng)
    if taste.has("deadlines") and rng.random() < 0.5:
        job.deadline = arrival + taste.ticks(rng, 1, 30)
        job.penalty = rng.choice([0, rng.randint(1, 999_999)])
    if taste.has("cancellations"):
        job.is_cancelled = int(rng.random() < 0.2)
    return job


def make_block(rng: Random, taste: Taste, job: Job) -> None:
    """A block of serving that is wanted for some ticks."""
    job.until = job.arrival + max(1, taste.ticks(rng, 1, 15))
    job.deadline = job.penalty = 0


def join(rng: Random, taste: Taste, members: Sequence[Job]) -> None:
    """A pipeline: a chain, a fan that comes together again, or anything; two of its members may be partners."""
    if rng.random() < 0.5:  # small members of one length end together
        for job in members:
            job.walltime, job.requested, job.cls = members[0].walltime, members[0].requested, members[0].cls
            job.gang = 1 + job.gang % 3
    shape, last = rng.choice(["chain", "diamond", "any", "any"]), len(members) - 1
    for number, job in enumerate(members):
        job.member = number
        if shape == "chain":
            job.parents = 1 << number >> 1
        elif shape == "diamond":
            job.parents = 0 if number == 0 else (1 << last) - 2 if number == last and last > 1 else 1
        else:
            job.parents = rng.getrandbits(number) & rng.getrandbits(number) if number else 0
    if rng.random() < 0.8:
        one, other = rng.sample(range(len(members)), 2)
        members[one].partner, members[other].partner = other, one
        members[one].sync, members[other].sync = taste.size(rng), taste.size(rng)
