"""The rules of the world in plain Python, each where its section says. Everything is recomputed when it is needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .world import Job, Provider, Site, World

HOUR = 3_600_000  # ms
MINUTE = 60_000  # ms

FINISH, EVICT, CAPACITY, ANNOUNCE, PRICE, POST, ARRIVE, WRITE_OFF, OFFER, START = range(1, 11)
FEE, OVERAGE, BURST, USED, UNUSED, DELAY, WRITTEN_OFF = ACCOUNTS = range(7)

Row = tuple[int, int, int, int, int]
Choose = Callable[[int, int, list[bool]], int]  # (job, times offered before, legal actions) -> action


def cost(use: int, price: int) -> int:
    """Section 1: µ$ for `use` accelerator-ms at `price` µ$ per accelerator-hour."""
    return (use // HOUR) * price + (use % HOUR) * price // HOUR


def permille(amount: int, ratio: int) -> int:
    """Section 1: `ratio` thousandths of `amount`."""
    return (amount // 1000) * ratio + (amount % 1000) * ratio // 1000


def rounded_up(amount: int, unit: int) -> int:
    """The least multiple of `unit` that is not below `amount`."""
    return -(-amount // unit) * unit


def accelerators(job: Job, site: Site) -> int:
    """Section 2, footprint: what the gang occupies and is billed for."""
    whole_cubes = site.cube > 0 and job.gang >= site.cube_from
    return rounded_up(job.gang, site.cube if whole_cubes else site.granule)


def duration(job: Job, site: Site) -> int:
    """Section 2, footprint: how long the job runs [ms]."""
    return -(-job.walltime * 1000 // site.speed[job.cls])


def requested(job: Job, site: Site) -> int:
    """Section 2, footprint: how long the job says that it runs [ms]."""
    return -(-job.requested * 1000 // site.speed[job.cls])


@dataclass
class Waiting:
    """Section 4: a job that is ready and not running. It is queued at `site`, or unplaced or held (None)."""

    since: int  # ms, arrival or last eviction
    fresh: bool = True
    site: int | None = None


@dataclass
class Running:
    """A job that occupies accelerators."""

    site: int
    start: int  # ms


@dataclass
class Totals:
    """Section 6 at one time, µ$: what is posted and what is accrued together."""

    floors: int
    overage: int
    burst: int
    delay: int
    write_off: int

    @property
    def avoidable(self) -> int:
        """What a router can save."""
        return self.overage + self.burst + self.delay + self.write_off

    @property
    def bill(self) -> int:
        """Avoidable cost and the floors."""
        return self.avoidable + self.floors


@dataclass
class Result:
    """What is known when the clock stands at `until`."""

    log: list[Row]  # section 8
    start: dict[int, int]  # the last start of each job that has started [ms]
    totals: Totals  # at `until`
    illegal: int  # actions that were replaced
    waiting: dict[int, Waiting]  # at `until`
    running: dict[int, Running]  # at `until`


class Simulator:
    """A world and its state. `run` may be called again with a later time: a run in parts is the whole run."""

    def __init__(self, world: World) -> None:
        sites = range(len(world.sites))
        self.world = world
        self.clock = 0
        self.processed = -1  # the last instant that has been processed
        self.log: list[Row] = []
        self.capacity = [site.capacity for site in world.sites]
        self.price = [site.price for site in world.sites]
        self.waiting: dict[int, Waiting] = {}
        self.running: dict[int, Running] = {}
        self.start: dict[int, int] = {}
        self.offered = [0 for _ in world.jobs]  # times
        self.last_offer = [0 for _ in world.jobs]  # ms
        self.illegal = 0
        self.use = list(world.used_before)  # accelerator-ms; per period, at burst sites since the last price step too
        self.delivered = list(world.delivered_before)  # accelerator-ms in this period
        self.waited = [0 for _ in world.delay_rates]  # gang × ms since time 0
        self.delay_posted = [0 for _ in world.delay_rates]  # µ$ since time 0
        self.posted = [0 for _ in ACCOUNTS]  # µ$ since time 0
        self.posted_burst = [0 for _ in world.providers]  # µ$ in this period
        self.period_start = world.first_period
        self.touched = [False for _ in sites]
        self.wake_up = False
        self.loss = False

    def run(self, choose: Choose, until: int) -> Result:
        """Section 3: process the instants before `until` and leave the clock there; `until` is not before the clock."""
        while (instant := self.next_instant()) < until:
            self.let_time_pass(instant)
            self.process(choose)
        self.let_time_pass(until)
        return Result(self.log, self.start, self.totals(), self.illegal, self.waiting, self.running)

    # Time

    def next_instant(self) -> int:
        """Section 3: the first instant that has not been processed."""
        interval = self.world.offer_interval
        candidates = [(self.processed // interval + 1) * interval, self.period_start + self.world.period]
        candidates += [self.finish(job) for job in self.running]
        candidates += [job.arrival for job in self.world.jobs if job.arrival > self.processed]
        for site in self.world.sites:
            candidates += [at for at, _, _ in site.steps]
            candidates += [announced for at, _, announced in site.steps if 0 < announced < at]
            candidates += [at for at, _ in site.price_steps]
        return min(time for time in candidates if time > self.processed)

    def finish(self, job: int) -> int:
        """When the running job will have run its walltime."""
        run = self.running[job]
        return run.start + duration(self.world.jobs[job], self.world.sites[run.site])

    def let_time_pass(self, to: int) -> None:
        """Section 6: the meters count what is occupied, delivered and waiting until `to`."""
        passed = to - self.clock
        for site in range(len(self.world.sites)):
            self.use[site] += self.occupied(site) * passed
            self.delivered[site] += self.capacity[site] * passed
        for job in self.waiting:
            self.waited[self.world.jobs[job].cls] += self.world.jobs[job].gang * passed
        self.clock = to

    def process(self, choose: Choose) -> None:
        """Section 3: everything that happens at one instant, in its order."""
        self.processed = self.clock
        self.touched = [False for _ in self.world.sites]
        self.loss = False
        self.wake_up = self.clock % self.world.offer_interval == 0
        for waiting in self.waiting.values():
            waiting.fresh = False
        self.completions()
        self.capacity_losses_and_gains()
        self.announcements()
        self.price_steps()
        self.settlement()
        self.arrivals()
        self.offers(choose)
        for site in range(len(self.world.sites)):
            self.dispatch(site)

    def record(self, kind: int, subject: int, place: int, value: int) -> None:
        """Section 8: one row of the event log."""
        self.log.append((self.clock, kind, subject, place, value))

    # Section 3: what the world does

    def completions(self) -> None:
        """Section 3, 1."""
        for job in sorted(job for job in self.running if self.finish(job) == self.clock):
            site = self.running[job].site
            self.record(FINISH, job, site, self.footprint(job, site))
            del self.running[job]
            self.touched[site] = self.wake_up = True

    def capacity_losses_and_gains(self) -> None:
        """Section 3, 2 and 3."""
        now = [(n, c) for n, site in enumerate(self.world.sites) for at, c, _ in site.steps if at == self.clock]
        losses = [(site, new) for site, new in now if new < self.capacity[site]]
        gains = [(site, new) for site, new in now if new >= self.capacity[site]]
        for site, new in losses + gains:
            self.capacity[site] = new
            self.touched[site] = self.wake_up = True
            self.record(CAPACITY, -1, site, new)
            self.evict(site)
        self.loss = len(losses) > 0

    def evict(self, site: int) -> None:
        """Section 3, 2: running jobs lose their place while more is occupied than there is."""
        while self.occupied(site) > self.capacity[site]:
            here = [job for job in self.running if self.running[job].site == site]
            job = min(here, key=lambda job: (self.world.jobs[job].priority, -self.running[job].start, -job))
            self.record(EVICT, job, site, self.footprint(job, site))
            del self.running[job]
            self.waiting[job] = Waiting(since=self.clock)

    def announcements(self) -> None:
        """Section 3, 4."""
        for n, site in enumerate(self.world.sites):
            for at, capacity, announced in sorted(site.steps):
                if announced == self.clock and 0 < announced < at:
                    self.record(ANNOUNCE, -1, n, capacity)
                    self.touched[n] = self.wake_up = True

    def price_steps(self) -> None:
        """Section 3, 5, first half."""
        for n, site in enumerate(self.world.sites):
            for at, price in site.price_steps:
                if at == self.clock:
                    self.post_burst(n)
                    self.price[n] = price
                    self.record(PRICE, -1, n, price)
                    self.wake_up = True

    def arrivals(self) -> None:
        """Section 3, 6, and section 7."""
        for job, spec in enumerate(self.world.jobs):
            if spec.arrival == self.clock:
                self.record(ARRIVE, job, -1, spec.gang)
                if any(self.suits(site, job) for site in range(len(self.world.sites))):
                    self.waiting[job] = Waiting(since=self.clock)
                else:
                    self.write_off(job)

    def write_off(self, job: int) -> None:
        """Section 7."""
        spec = self.world.jobs[job]
        amount = cost(spec.gang * spec.requested, max(self.price))
        amount += cost(spec.gang * self.world.max_hold, self.world.delay_rates[spec.cls])
        self.record(WRITE_OFF, job, -1, amount)
        self.post(spec.cls, WRITTEN_OFF, amount)

    # Section 2: what fits where

    def footprint(self, job: int, site: int) -> int:
        """Section 2: the accelerators of a job at a site."""
        return accelerators(self.world.jobs[job], self.world.sites[site])

    def occupied(self, site: int) -> int:
        """The accelerators of all jobs that run at the site."""
        return sum(self.footprint(job, site) for job, run in self.running.items() if run.site == site)

    def suits(self, site: int, job: int) -> bool:
        """Section 2: whether the site could ever run the job, by what nobody may know."""
        spec, place = self.world.jobs[job], self.world.sites[site]
        later = [capacity for at, capacity, _ in place.steps if at > self.clock]
        return (
            place.speed[spec.cls] > 0
            and spec.tags & ~self.world.providers[place.provider].tags == 0
            and self.footprint(job, site) <= max([self.capacity[site], *later])
        )

    def announced_steps(self, site: int) -> list[tuple[int, int]]:
        """Section 2: (at, capacity) of the steps that are known and still to come, in order of time."""
        steps = self.world.sites[site].steps
        return sorted((at, c) for at, c, announced in steps if announced <= self.clock < at and announced < at)

    def job_order(self, job: int) -> tuple[int, int]:
        """Section 2: the key of job order."""
        return -self.world.jobs[job].priority, job

    # Section 4: offers

    def offers(self, choose: Choose) -> None:
        """Section 4: the fresh jobs and those of the pass, in job order."""
        fresh = [job for job, waiting in self.waiting.items() if waiting.fresh]
        for job in sorted(fresh + self.jobs_of_the_pass(), key=self.job_order):
            self.offer(job, choose)

    def jobs_of_the_pass(self) -> list[int]:
        """Section 4: those that are offered again."""
        if not self.wake_up:
            return []
        old = sorted((job for job, waiting in self.waiting.items() if not waiting.fresh), key=self.job_order)
        first = old[: self.world.pass_size]
        return [job for job in first if self.loss or self.clock - self.last_offer[job] >= self.world.reoffer_gap]

    def offer(self, job: int, choose: Choose) -> None:
        """Section 4: ask, replace what is illegal, and carry it out."""
        legal = self.legal(job)
        asked = choose(job, self.offered[job], list(legal))
        action = asked
        if not (0 <= asked < len(legal) and legal[asked]):
            self.illegal += 1
            action = len(legal) - 1 if legal[-1] else legal.index(True)
        self.offered[job] += 1
        self.last_offer[job] = self.clock
        self.record(OFFER, job, action, asked)
        self.place(job, action if action < len(self.world.sites) else None)

    def place(self, job: int, site: int | None) -> None:
        """Section 4: queue the job at the site, or hold it (None)."""
        waiting = self.waiting[job]
        if waiting.site != site:
            for queue in (waiting.site, site):
                if queue is not None:
                    self.touched[queue] = True
            waiting.site = site

    def legal(self, job: int) -> list[bool]:
        """Section 4: for each site, and for hold, whether it is legal."""
        legal = [self.is_legal(site, job) for site in range(len(self.world.sites))]
        may_hold = self.world.pass_size > 0 and self.clock - self.waiting[job].since < self.world.max_hold
        return [*legal, may_hold or not any(legal)]

    def is_legal(self, site: int, job: int) -> bool:
        """Section 4: whether a site is legal, by what a router may know."""
        known = [self.capacity[site], *(capacity for _, capacity in self.announced_steps(site))]
        return self.suits(site, job) and self.footprint(job, site) <= max(known) and not self.is_spent(site)

    # Section 5: dispatch

    def dispatch(self, site: int) -> None:
        """Section 5: start what can start at a touched site."""
        if not self.touched[site] or self.is_spent(site):
            return
        queue = sorted((job for job, waiting in self.waiting.items() if waiting.site == site), key=self.job_order)
        while queue and self.can_start_now(site, queue[0]):
            self.begin(site, queue.pop(0))
        if queue and self.world.dispatch == "easy":
            self.backfill(site, queue[0], queue[1:])

    def backfill(self, site: int, head: int, later: list[int]) -> None:
        """Section 5, EASY: later jobs start that do not keep the head from its shadow time."""
        shadow = self.shadow_time(site, head)
        for job in later:
            if self.can_start_now(site, job) and (shadow is None or self.leaves(site, head, shadow, job)):
                self.begin(site, job)

    def begin(self, site: int, job: int) -> None:
        """Section 5: the job stops waiting and runs."""
        del self.waiting[job]
        self.running[job] = Running(site, self.clock)
        self.start[job] = self.clock
        self.record(START, job, site, self.footprint(job, site))

    def requested(self, site: int, job: int) -> int:
        """Section 2: the requested duration of a job at a site."""
        return requested(self.world.jobs[job], self.world.sites[site])

    def planned_free(self, site: int, time: int) -> int:
        """Section 5: what is free at `time` by what has been announced and requested."""
        known = [self.capacity[site], *(capacity for at, capacity in self.announced_steps(site) if at <= time)]
        here = [job for job, run in self.running.items() if run.site == site]
        still = [job for job in here if self.running[job].start + self.requested(site, job) > time]
        return known[-1] - sum(self.footprint(job, site) for job in still)

    def steps_between(self, site: int, after: int, before: int) -> list[int]:
        """The times of announced steps with after < time < before."""
        return [at for at, _ in self.announced_steps(site) if after < at < before]

    def can_start_now(self, site: int, job: int) -> bool:
        """Section 5: free now, and at every announced step while it runs."""
        n = self.footprint(job, site)
        steps = self.steps_between(site, self.clock, self.clock + self.requested(site, job))
        return n <= self.capacity[site] - self.occupied(site) and all(n <= self.planned_free(site, s) for s in steps)

    def shadow_time(self, site: int, head: int) -> int | None:
        """Section 5: the earliest time at which the head fits, by the plan."""
        n, r = self.footprint(head, site), self.requested(site, head)
        ends = [run.start + self.requested(site, job) for job, run in self.running.items() if run.site == site]
        candidates = [self.clock, *(at for at, _ in self.announced_steps(site)), *ends]
        for time in sorted(time for time in candidates if time >= self.clock):
            if all(n <= self.planned_free(site, s) for s in [time, *self.steps_between(site, time, time + r)]):
                return time
        return None

    def leaves(self, site: int, head: int, shadow: int, job: int) -> bool:
        """Section 5: whether the job ends by the shadow time or leaves the head's reservation whole."""
        end = self.clock + self.requested(site, job)
        both = self.footprint(head, site) + self.footprint(job, site)
        steps = self.steps_between(site, shadow, min(shadow + self.requested(site, head), end))
        return end <= shadow or all(both <= self.planned_free(site, s) for s in [shadow, *steps])

    # Section 6: contracts, meters and the ledger

    def sites_of(self, provider: int) -> Iterator[int]:
        """The sites of a provider, by number."""
        return (n for n, site in enumerate(self.world.sites) if site.provider == provider)

    def is_spent(self, site: int) -> bool:
        """Section 6: whether the budget of the site's provider is spent."""
        provider = self.world.sites[site].provider
        budget = self.world.providers[provider].budget
        return budget is not None and self.posted_burst[provider] + self.drawn(provider) >= budget

    def post(self, subject: int, account: int, amount: int) -> None:
        """Section 6: one posting; amounts of zero are not posted."""
        if amount != 0:
            self.posted[account] += amount
            self.record(POST, subject, account, amount)

    def post_burst(self, site: int) -> None:
        """Section 6: the cost of a running burst meter, which begins anew."""
        amount, self.use[site] = cost(self.use[site], self.price[site]), 0
        provider = self.world.sites[site].provider
        self.posted_burst[provider] += amount
        self.post(provider, BURST, amount)

    def settlement(self) -> None:
        """Section 6: the period's end, if it is now."""
        if self.clock != self.period_start + self.world.period:
            return
        for number, provider in enumerate(self.world.providers):
            if provider.kind == "committed":
                self.settle(number, provider)
            for site in self.sites_of(number):
                if provider.kind == "burst":
                    self.post_burst(site)
                self.use[site] = self.delivered[site] = 0  # nothing is carried forward
                self.touched[site] |= provider.budget is not None
        for cls in range(len(self.world.delay_rates)):
            amount = self.delay_not_posted(cls)
            self.delay_posted[cls] += amount
            self.post(cls, DELAY, amount)
        self.posted_burst = [0 for _ in self.world.providers]
        self.period_start = self.clock
        self.wake_up = True

    def settle(self, number: int, provider: Provider) -> None:
        """Section 6: the postings of a committed provider."""
        floor, drawn = self.floor_so_far(number), self.drawn(number)
        self.post(number, FEE, floor)
        self.post(number, OVERAGE, permille(max(0, drawn - floor), provider.overage))
        self.post(number, USED, min(drawn, floor))
        self.post(number, UNUSED, floor - min(drawn, floor))

    def drawn(self, provider: int) -> int:
        """Section 6: the cost of what the provider's meters show (at burst sites: what is not posted yet)."""
        return sum(cost(self.use[site], self.price[site]) for site in self.sites_of(provider))

    def floor_so_far(self, provider: int) -> int:
        """Section 6, accrual: at the period's end it is the floor."""
        money, share = self.world.providers[provider].floor_money, self.world.providers[provider].floor_share
        if money is not None:
            elapsed, whole = (self.clock - self.period_start) // MINUTE, self.world.period // MINUTE
            return (money // whole) * elapsed + (money % whole) * elapsed // whole
        delivered = sum(cost(self.delivered[site], self.price[site]) for site in self.sites_of(provider))
        return permille(delivered, share or 0)

    def delay_not_posted(self, cls: int) -> int:
        """Section 6: the growth of a class's cumulative delay cost since the last posting."""
        return cost(self.waited[cls], self.world.delay_rates[cls]) - self.delay_posted[cls]

    def totals(self) -> Totals:
        """Section 6, accrual: posted and accrued at the present time."""
        floors, overage, burst = self.posted[FEE], self.posted[OVERAGE], self.posted[BURST]
        for number, provider in enumerate(self.world.providers):
            if provider.kind == "burst":
                burst += self.drawn(number)
            else:
                floor = self.floor_so_far(number)
                floors += floor
                overage += permille(max(0, self.drawn(number) - floor), provider.overage)
        delay = self.posted[DELAY] + sum(self.delay_not_posted(cls) for cls in range(len(self.waited)))
        return Totals(floors, overage, burst, delay, self.posted[WRITTEN_OFF])


def run(world: World, choose: Choose, until: int) -> Result:
    """The world from time 0 until `until` [ms] under `choose`; the instant `until` itself is not processed."""
    return Simulator(world).run(choose, until)
