"""Units of the world: milliseconds, accelerators, micro-dollars (rules, section 1)."""

from .jit import kernel

SECOND = 1_000  # ms
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
DOLLAR = 1_000_000  # µ$
TIME_BITS = 41
NEVER = 1 << TIME_BITS  # ms, beyond every schedule: 69 years


@kernel
def cost(use: int, price: int) -> int:
    """Cost [µ$] of `use` accelerator-ms at `price` µ$ per accelerator-hour, without a product that overflows."""
    return (use // 3_600_000) * price + (use % 3_600_000) * price // 3_600_000


@kernel
def permille(amount: int, ratio: int) -> int:
    """`amount` × `ratio` / 1000, rounded down, without a product that overflows."""
    return (amount // 1000) * ratio + (amount % 1000) * ratio // 1000


@kernel
def scaled_up(duration: int, speed: int) -> int:
    """`duration` [ms] at `speed` permille of the reference, rounded up."""
    return (duration * 1000 + speed - 1) // speed


@kernel
def transfer(megabytes: int, link: int) -> int:
    """Time [ms] that data take over a link [Mb/s], rounded up."""
    return (megabytes * 8000 + link - 1) // link


@kernel
def egress(megabytes: int, rate: int) -> int:
    """Cost [µ$] of data that leave a provider at `rate` µ$ per GB."""
    return megabytes * rate // 1000
