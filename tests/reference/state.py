"""What is true in a world at one time, and the lists and facts that several rules ask for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .log import ACCOUNTS, POST, Row
from .quantities import up
from .world import Job, JobClass, Provider, Site, World

Choose = Callable[[int, int, list[bool]], int]  # (job, times offered before, legal actions) -> action


@dataclass
class Waiting:
    """Section 4: ready, not running and not starting. It is queued at `site`, or unplaced or held (None)."""

    since: int  # ms, when it last began to wait
    fresh: bool = True
    site: int | None = None
    planned_length: int = 0  # ms, of a job that is queued


@dataclass
class Starting:
    """Section 5: a request has been made at `site`, and accelerators are occupied until its outcome."""

    site: int
    start: int  # ms, of the request
    requested_end: int  # ms
    outcome: int  # ms
    is_granted: bool


@dataclass
class Running:
    """Section 6: a run, which occupies accelerators and is metered from its start on."""

    site: int
    start: int  # ms
    begin: int  # ms, when its set-up is over
    end: int = 0  # ms
    requested_end: int = 0  # ms
    is_cut_short: bool = False  # by `kill_overruns`


@dataclass
class Life:
    """What has become of one job, whatever it does now."""

    remaining: int  # ms at speed 1000
    claim: int  # ms at speed 1000
    data: dict[int, int]  # provider: MB of its data that lie there
    has_state: bool = False  # its state is among its data
    has_ended_early: bool = False  # a run of it was evicted or preempted
    requests: int = 0  # made so far
    offered: int = 0  # times
    last_offer: int = 0  # ms
    waited: int = 0  # ms that it waited or was starting
    started: int | None = None  # ms, its last start
    left: int | None = None  # ms, when it left the world
    how: str | None = None  # it left: 'FINISH', 'CANCEL', 'KILL', 'EXPIRE' or 'WRITE_OFF'
    spent: int = 0  # µ$, runs that have ended and egress
    penalty: int = 0  # µ$


@dataclass
class State:
    """A world and everything that changes in it."""

    world: World
    clock: int = 0  # ms
    processed: int = -1  # ms, the last instant that has been processed
    log: list[Row] = field(default_factory=list)
    illegal: int = 0  # actions that were replaced
    # Jobs: each that is in the world is in one of these
    pending: set[int] = field(default_factory=set)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    starting: dict[int, Starting] = field(default_factory=dict)
    running: dict[int, Running] = field(default_factory=dict)
    # Of the instant that is processed
    touched: set[int] = field(default_factory=set)  # sites
    is_wake_up: bool = False
    has_loss: bool = False

    def __post_init__(self) -> None:
        sites, classes = self.world.sites, self.world.classes
        self.life = [Life(j.walltime, j.requested, {j.home: j.input} if j.input else {}) for j in self.world.jobs]
        self.capacity = [site.capacity for site in sites]
        self.price = [site.price for site in sites]
        self.failure = [(0, 0) for _ in sites]  # failures drawn so far; ms, the last of them
        self.use = list(self.world.used_before)  # accelerator-ms in this period; metered: since the last price step too
        self.delivered = list(self.world.delivered_before)  # accelerator-ms in this period
        self.waited = [0 for _ in classes]  # gang × ms since time 0
        self.delay_posted = [0 for _ in classes]  # µ$ since time 0
        self.posted = [0 for _ in ACCOUNTS]  # µ$ since time 0
        self.burst_posted = [0 for _ in self.world.providers]  # µ$ in this period
        self.carried = [0 for _ in self.world.providers]  # µ$ that may be drawn beyond the floor without overage
        self.period_start = self.world.first_period

    # The log

    def record(self, kind: int, subject: int, place: int, value: int) -> None:
        """Section 9: one row."""
        self.log.append((self.clock, kind, subject, place, value))

    def post(self, subject: int, account: int, amount: int) -> None:
        """Section 7: one posting; amounts of zero are not posted."""
        if amount != 0:
            self.posted[account] += amount
            self.record(POST, subject, account, amount)

    # The world

    def job(self, job: int) -> Job:
        """The job of that id."""
        return self.world.jobs[job]

    def job_class(self, job: int) -> JobClass:
        """Its class."""
        return self.world.classes[self.job(job).cls]

    def site(self, site: int) -> Site:
        """The site of that number."""
        return self.world.sites[site]

    def owner(self, site: int) -> Provider:
        """The owner of a site."""
        return self.world.providers[self.site(site).provider]

    def sites_of(self, provider: int) -> Iterator[int]:
        """The sites of a provider, by number."""
        return (n for n, site in enumerate(self.world.sites) if site.provider == provider)

    def job_order(self, job: int) -> tuple[int, int]:
        """Section 2: the key of job order."""
        return -self.job(job).priority, job

    def footprint(self, job: int, site: int) -> int:
        """Section 2: the accelerators of a job at a site."""
        return accelerators(self.job(job), self.site(site))

    def known_steps(self, site: int) -> list[tuple[int, int]]:
        """Section 2: (at, capacity) of steps and promises that are known and still to come, in order of time."""
        return [
            (at, capacity)
            for at, capacity, announced, withdrawn in self.site(site).steps
            if announced <= self.clock < at and announced < at and (withdrawn is None or self.clock < withdrawn)
        ]

    def suits(self, site: int, job: int) -> bool:
        """Section 2: whether the site could ever run the job, by what nobody may know."""
        place = self.site(site)
        later = [capacity for at, capacity, _, withdrawn in place.steps if at > self.clock and withdrawn is None]
        return (
            place.speed[self.job(job).cls] > 0
            and self.job(job).tags & ~self.owner(site).tags == 0
            and self.footprint(job, site) <= max([self.capacity[site], *later])
        )

    # Who is where

    def running_at(self, site: int) -> list[int]:
        """Jobs that run at the site."""
        return [job for job, run in self.running.items() if run.site == site]

    def occupied(self, site: int) -> int:
        """Accelerators of jobs that run or start at the site."""
        here = [job for job, start in self.starting.items() if start.site == site] + self.running_at(site)
        return sum(self.footprint(job, site) for job in here)

    def begin_to_wait(self, job: int) -> None:
        """Section 4: ready, evicted or denied: unplaced, to be offered at this instant."""
        self.waiting[job] = Waiting(self.clock)

    def leave_the_world(self, job: int, how: str) -> None:
        """The job is gone."""
        self.life[job].left, self.life[job].how = self.clock, how


def accelerators(job: Job, site: Site) -> int:
    """Section 2, footprint: what the gang occupies and is billed for."""
    unit = site.cube if site.cube > 0 and job.gang >= site.cube_from else site.granule
    return up(job.gang, unit) * unit
