"""What a world consists of (rules, sections 1 and 2), as lists and integers. Units are those of section 1."""

from dataclasses import dataclass, field


@dataclass
class Provider:
    """Owner of a contract: take-or-pay when it has one of the two floors, else metered, perhaps with a budget."""

    kind: str  # 'committed' or 'burst': what routers are told of it
    tags: int = 0  # bit set
    floor_money: int | None = None  # µ$ per billing period
    floor_share: int | None = None  # permille of the cost of the delivered capacity
    overage: int = 1000  # permille of what is drawn beyond the floor
    budget: int | None = None  # µ$ per billing period
    carry: int = 0  # permille of the floor that may be carried into the next period
    ends: int | None = None  # ms, whole minutes: no floor of money is owed beyond
    in_arrears: bool = False  # the used part of the floor is the fee, the unused part a shortfall invoice
    egress_rate: int = 0  # µ$ per GB of data that leave it
    links: list[int] = field(default_factory=list)  # Mb/s to each provider; its own entry means nothing


@dataclass
class Site:
    """One accelerator type at one provider. Steps are in order of `at`."""

    provider: int
    capacity: int  # accelerators, at the beginning
    price: int  # µ$ per accelerator-hour, at the beginning
    speed: list[int]  # permille, one for each class
    granule: int = 1  # accelerators
    cube: int = 0  # accelerators, 0: none
    cube_from: int = 0  # the smallest gang that takes whole cubes
    steps: list[tuple[int, int, int, int | None]] = field(default_factory=list)  # (at, capacity, announced, withdrawn)
    price_steps: list[tuple[int, int]] = field(default_factory=list)  # (at, price)
    silicon: int = 0
    failure: list[int] | None = None  # 2048 quantiles of the gap between failures, ms; None: it never fails
    start_up: list[int] | None = None  # 2048 quantiles of the start-up, ms; None: runs begin at once
    usual_start_up: int = 0  # ms: what planning counts on
    denial: int = 1  # ms until a request is denied
    grants: list[tuple[int, int]] = field(default_factory=list)  # (accelerators, permille) ; none: always granted
    increment: int = 0  # ms: metered runs are rounded up to multiples of it


@dataclass
class JobClass:
    """What jobs of one class have in common."""

    delay_rate: int  # µ$ per accelerator-hour
    checkpoint: int = 0  # ms between checkpoints, 0: none
    restart: int = 0  # ms
    port: int = 0  # ms
    preemptible: bool = False


@dataclass
class Job:
    """A gang job; its id is its place in the world's list, which is in order of arrival."""

    arrival: int  # ms
    walltime: int  # ms, hidden
    requested: int  # ms
    gang: int  # accelerators
    tags: int = 0  # bit set
    cls: int = 0
    priority: int = 0  # 0 to 7, larger is more urgent
    silicon: int = -1  # the silicon it was written for, −1: none in particular
    input: int = 0  # MB of data of its own
    home: int = 0  # the provider where they lie
    output: int = 0  # MB
    snapshot: int = 0  # MB: its state, in a checkpoint
    deadline: int = 0  # ms, 0: none
    penalty: int = 0  # µ$
    until: int = 0  # ms; above 0: a block of serving
    is_cancelled: int = 0  # 1: by its user, when it has run its walltime
    member: int = 0  # place in its pipeline
    parents: int = 0  # bit set of members
    partner: int = -1  # member, −1: none
    sync: int = 0  # MB exchanged with the partner


@dataclass
class World:
    """A whole world. It begins at time 0 with nothing running and nothing waiting."""

    sites: list[Site]
    providers: list[Provider]
    classes: list[JobClass]
    jobs: list[Job]
    offer_interval: int  # ms
    reoffer_gap: int  # ms
    pass_size: int
    max_hold: int  # ms
    dispatch: str  # 'fcfs' or 'easy'
    first_period: int  # ms, at most 0: when the running billing period began
    period: int  # ms, whole minutes
    used_before: list[int]  # accelerator-ms per site from `first_period` to time 0; 0 at metered sites
    delivered_before: list[int]  # accelerator-ms of capacity per site from `first_period` to time 0
    preempt_after: int = 0  # ms that a victim must have run, 0: nobody is preempted
    kill_overruns: bool = False
    backfill_depth: int = 1 << 20  # jobs behind a blocked head that EASY looks at
    seed: int = 0  # of failures, grants and start-ups
