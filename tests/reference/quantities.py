"""Section 1 of the rules: arithmetic on signed integers, and draws that are named by what they are drawn for."""

HOUR = 3_600_000  # ms
MINUTE = 60_000  # ms

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15

FAILURES, GRANTS, START_UPS = 1, 2, 3  # streams of draws


def up(amount: int, unit: int) -> int:
    """`amount` divided by `unit`, rounded up."""
    return (amount + unit - 1) // unit


def cost(use: int, price: int) -> int:
    """µ$ for `use` accelerator-ms at `price` µ$ per accelerator-hour."""
    return (use // HOUR) * price + (use % HOUR) * price // HOUR


def permille(amount: int, ratio: int) -> int:
    """`ratio` thousandths of `amount`."""
    return (amount // 1000) * ratio + (amount % 1000) * ratio // 1000


def mix(z: int) -> int:
    """The finaliser of splitmix64, on 64-bit words without sign."""
    z &= WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def draw(seed: int, stream: int, entity: int, attempt: int) -> int:
    """64 random bits."""
    bits = mix(seed ^ GOLDEN)
    for part in (stream, entity, attempt):
        bits = mix(bits ^ part ^ GOLDEN)
    return bits


def uniform(bits: int, n: int) -> int:
    """0 … n − 1."""
    return (bits >> 32) * n >> 32


def quantile(table: list[int], bits: int) -> int:
    """The value of a distribution of 2048 quantiles; its last 1024 cells share what one of the first 1023 has."""
    cell = bits >> 54
    if cell == 1023:
        cell += bits >> 44 & 1023
    fraction = bits >> 20 & (1 << 24) - 1
    return table[cell] + ((table[cell + 1] - table[cell]) * fraction >> 24)
