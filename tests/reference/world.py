"""What a world consists of (rules, sections 1 and 2), as lists and integers. Units are those of section 1."""

from dataclasses import dataclass, field


@dataclass
class Provider:
    """Owner of a contract. A committed one has exactly one of the two floors; only a burst one may have a budget."""

    kind: str  # 'committed' or 'burst'
    tags: int = 0  # bit set
    floor_money: int | None = None  # µ$ per billing period
    floor_share: int | None = None  # permille of the cost of the delivered capacity
    overage: int = 1000  # permille of what is drawn beyond the floor
    budget: int | None = None  # µ$ per billing period


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
    steps: list[tuple[int, int, int]] = field(default_factory=list)  # (at, capacity, announced)
    price_steps: list[tuple[int, int]] = field(default_factory=list)  # (at, price)


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


@dataclass
class World:
    """A whole world. It begins at time 0 with nothing running and nothing waiting."""

    sites: list[Site]
    providers: list[Provider]
    delay_rates: list[int]  # µ$ per accelerator-hour, one for each class
    jobs: list[Job]
    offer_interval: int  # ms
    reoffer_gap: int  # ms
    pass_size: int
    max_hold: int  # ms
    dispatch: str  # 'fcfs' or 'easy'
    first_period: int  # ms, at most 0: when the running billing period began
    period: int  # ms, whole minutes
    used_before: list[int]  # accelerator-ms per site from `first_period` to time 0; 0 at burst sites
    delivered_before: list[int]  # accelerator-ms of capacity per site from `first_period` to time 0
