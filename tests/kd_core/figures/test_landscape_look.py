import math

import pytest

from kd_core.figures.landscape import DOTS_OF_MANY, MAX_DOTS, landscape_info
from kd_core.figures.landscape_look import BARS_UP_TO, landscape_figure, spark
from tests.helpers_sample import say
from tests.kd_core.figures.test_landscape import models


def trace(figure, name: str):
    return next(t for t in figure.data if t.name == name)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("x", ["latency_ms", "size_bytes"])
def test_equal_records_give_equal_figures(x, dark) -> None:
    first, second = (
        landscape_figure(landscape_info(models(value=[0.9, 0.8]), x, "f1", area="size_bytes"), say,
                         dark)
        for _ in range(2)
    )  # fmt: skip
    assert first == second


def test_estimates_are_open_and_measured_ones_are_filled() -> None:
    table = models(value=[0.9, 0.8]).assign(source=["measured", "estimated"], arm="a")
    figure = landscape_figure(landscape_info(table, "latency_ms", "f1"), say)
    assert [s.endswith("-open") for s in trace(figure, "a").marker.symbol] == [False, True]


def test_a_click_finds_the_run_and_the_pop_up_is_filled_by_the_browser() -> None:
    figure = landscape_figure(landscape_info(models(value=[0.9]), "latency_ms", "f1"), say)
    dots = trace(figure, "a0")
    assert tuple(dots.customdata[0][:2]) == ("r0", "model")
    assert "%{y:.3f}" in dots.hovertemplate  # one for all where they are alike
    assert "tier %{customdata[9]}" in dots.hovertemplate


def test_the_ring_the_front_and_the_paths_are_drawn() -> None:
    table = models(value=[0.8, 0.9]).assign(
        arm=["distilled", "chain"], step=[0, 1], origin=[None, "distilled"]
    )
    info = landscape_info(table, "latency_ms", "f1", chosen=("r1", "model"))
    figure = landscape_figure(info, say)
    assert trace(figure, "recommended").x[0] == 2.0
    assert list(trace(figure, "Pareto front").x) == [1.0, 2.0]
    assert figure.data[0].marker.symbol == "arrow"


def test_nothing_to_draw_is_an_empty_plot() -> None:
    empty = landscape_info(models(value=[math.nan]), "latency_ms", "f1")
    assert landscape_figure(empty, say).data == ()


def test_a_picture_of_scores_by_class() -> None:
    assert spark([0, math.nan, 1]) == "▁·█"


def test_many_markers_have_bars_only_where_they_matter() -> None:
    n = BARS_UP_TO + 1
    table = models(value=[0.9, *[0.5] * (n - 1)]).assign(role="student", arm="a")
    figure = landscape_figure(
        landscape_info(table, "latency_ms", "f1", chosen=("r5", "model")), say
    )
    plain, barred = (t for t in figure.data if t.name == "a")
    assert plain.error_y.array is None
    assert (len(plain.x), list(barred.x)) == (n - 2, [1.0, 6.0])
    assert barred.showlegend is False
    few = landscape_figure(landscape_info(models(value=[0.9, 0.8]), "latency_ms", "f1"), say)
    assert all(t.error_y.array is not None for t in few.data if t.mode == "markers")


def test_models_that_are_not_drawn_are_counted_in_cells_below_the_markers() -> None:
    info = landscape_info(models(value=[0.5] * (MAX_DOTS + 30)), "latency_ms", "f1")
    below = landscape_figure(info, say).data[0]
    assert below.type == "heatmap"
    assert sum(count or 0 for row in below.z for count in row) == info.left_out
    assert info.left_out == MAX_DOTS + 30 - DOTS_OF_MANY
    assert len(below.x) == len(below.z[0]) + 1
    assert landscape_info(models(value=[0.5]), "latency_ms", "f1").cells is None
