"""Section 1 of the rules: rounding and draws."""

from .reference.quantities import GOLDEN, cost, draw, mix, permille, quantile, uniform, up

WORD = (1 << 64) - 1


def test_cost_and_permille_are_rounded_down():
    """An hour and half a ms of 7 µ$ an hour is 7 µ$; 1,999 at 500 permille is 999."""
    assert cost(3_600_000, 7) == 7
    assert cost(3_600_000 + 1_799_999, 7) == 10
    assert permille(1_999, 500) == 999


def test_up_rounds_up():
    assert [up(amount, 4) for amount in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_mix_is_the_finaliser_of_splitmix64():
    """0xE220A8397B1DCDAF and 0x6E789E6AA1B965F4 are its first two numbers from seed 0, as published with it."""
    assert mix(GOLDEN) == 0xE220A8397B1DCDAF
    assert mix(2 * GOLDEN & WORD) == 0x6E789E6AA1B965F4


def test_a_draw_is_named_by_four_numbers():
    """Mixed in one after the other; each of them counts."""
    assert draw(0, 0, 0, 0) == mix(mix(mix(0xE220A8397B1DCDAF ^ GOLDEN) ^ GOLDEN) ^ GOLDEN)
    assert draw(7, 2, 3, 9) == mix(mix(mix(mix(7 ^ GOLDEN) ^ 2 ^ GOLDEN) ^ 3 ^ GOLDEN) ^ 9 ^ GOLDEN)
    assert len({draw(*names) for names in [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]}) == 4


def test_uniform_takes_the_upper_half():
    """All upper bits set: the largest. Exactly half: the middle. The lower half does not count."""
    assert [uniform(bits, 10) for bits in (0, (1 << 32) - 1, 1 << 63, WORD)] == [0, 0, 5, 9]


def test_a_quantile_lies_between_those_of_its_cell():
    """Quantile n is n × 2^24, so that the fraction is seen. Cell 5, half of it: 5.5. The last cell is divided again."""
    table = [n << 24 for n in range(2048)]
    assert quantile(table, 5 << 54) == table[5]
    assert quantile(table, 5 << 54 | 1 << 43) == table[5] + (1 << 23)
    assert quantile(table, 5 << 54 | 1023 << 44 | (1 << 20) - 1) == table[5]
    assert quantile(table, 1022 << 54 | 1 << 43) == table[1022] + (1 << 23)
    assert quantile(table, 1023 << 54) == table[1023]
    assert quantile(table, 1023 << 54 | 700 << 44) == table[1723]
    assert quantile(table, WORD) == table[2047] - 1
