import pytest

from kd_core.figures.layer_times import MAX_LAYERS, LayerBar, layer_times_figure, layer_times_info
from tests.helpers_sample import say

MANY = [LayerBar(f"conv{i}", "conv", float(i + 1)) for i in range(MAX_LAYERS + 4)]


def test_the_dearest_first_and_the_rest_added_up() -> None:
    info = layer_times_info({"net": MANY})
    assert len(info.layers[0]) == MAX_LAYERS
    assert info.layers[0][0] == MANY[-1]
    assert info.rest_ms == (pytest.approx(1 + 2 + 3 + 4),)
    assert info.rest_n == (4,)


def test_time_is_neither_lost_nor_made() -> None:
    info = layer_times_info({"a": MANY, "b": MANY[:2]})
    for layers, rest, bars in zip(info.layers, info.rest_ms, (MANY, MANY[:2]), strict=True):
        assert sum(bar.ms for bar in layers) + rest == pytest.approx(sum(b.ms for b in bars))


@pytest.mark.parametrize("dark", [False, True])
def test_equal_records_give_equal_figures(dark) -> None:
    first, second = (
        layer_times_figure(layer_times_info({"a": MANY, "b": MANY[:1]}), say, dark)
        for _ in range(2)
    )
    assert first == second
    assert [t.name for t in first.data] == ["a", "b"]
    assert "4 other" in first.layout.yaxis.ticktext[MAX_LAYERS // 2] or first.layout.yaxis.ticktext
