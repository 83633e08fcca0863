from types import SimpleNamespace

from app.results_supplement import FEWEST_SWAPS, SWAPPED_CELLS, affordable


def of_size(n: int) -> SimpleNamespace:
    return SimpleNamespace(logits=SimpleNamespace(size=n))


def test_a_permutation_test_of_a_large_part_has_fewer_swaps() -> None:
    assert affordable([of_size(200)]) == 9999
    many = [of_size(4000)] * 3
    assert affordable(many) * 12_000 <= SWAPPED_CELLS
    assert affordable([of_size(10**7)]) == FEWEST_SWAPS
