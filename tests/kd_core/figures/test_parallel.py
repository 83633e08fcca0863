import numpy as np
import pandas as pd
import pytest

from kd_core.figures.parallel import MAX_LINES, MAX_NAMES, parallel_figure, parallel_info
from tests.helpers_sample import say

TABLE = pd.DataFrame(
    {
        "value": [0.9, 0.8, 0.7],
        "set.alpha": [0.5, None, 0.1],
        "set.losses": ["kd", None, "dkd"],
        "set.lr": [1e-4, 1e-2, 1e-3],
        "set.epochs": [10, 10, 10],
        "latency_ms": [1.0, 2.0, np.nan],
    }
)
COLUMNS = [*TABLE.columns[1:], "value"]


def test_only_axes_on_which_models_differ() -> None:
    info = parallel_info(TABLE, COLUMNS, "accuracy")
    assert [a.name for a in info.axes] == [c for c in COLUMNS if c != "set.epochs"]
    assert info.colour == (0.9, 0.8, 0.7)


def test_missing_values_run_below_all_others() -> None:
    axes = {axis.name: axis for axis in parallel_info(TABLE, COLUMNS, "accuracy").axes}
    alpha = axes["set.alpha"]
    assert alpha.values[1] == alpha.missing < min(0.5, 0.1)
    assert axes["set.losses"].values == (1.0, -1.0, 0.0)
    assert axes["set.losses"].names == ("dkd", "kd")
    assert axes["latency_ms"].values[2] == axes["latency_ms"].missing


def test_a_wide_range_is_logarithmic() -> None:
    axes = {axis.name: axis for axis in parallel_info(TABLE, COLUMNS, "accuracy").axes}
    assert axes["set.lr"].log
    assert axes["set.lr"].values == pytest.approx((-4, -2, -3))


def test_no_more_lines_than_can_be_drawn_and_the_best_stay() -> None:
    n = MAX_LINES + 10
    table = pd.DataFrame({"value": np.linspace(0, 1, n), "set.T": np.arange(n)})
    info = parallel_info(table, ["set.T"], "accuracy")
    assert info.left_out == 10
    assert max(info.colour) == 1.0
    less = parallel_info(table, ["set.T"], "ece", higher_is_better=False)
    assert min(less.colour) == 0.0


def test_an_axis_of_too_many_names_is_left_out() -> None:
    n = MAX_NAMES + 1
    table = pd.DataFrame({"value": np.ones(n), "architecture": [f"net{i}" for i in range(n)]})
    assert parallel_info(table, ["architecture"], "accuracy").axes == ()


@pytest.mark.parametrize("dark", [False, True])
def test_the_figure_names_its_axes_and_what_is_missing(dark) -> None:
    figure = parallel_figure(parallel_info(TABLE, COLUMNS, "accuracy"), say, dark)
    named = {d.label: d for d in figure.data[0].dimensions}
    assert named["losses"].ticktext[0] == "none"
    assert "Accuracy" in named
    assert figure == parallel_figure(parallel_info(TABLE, COLUMNS, "accuracy"), say, dark)
