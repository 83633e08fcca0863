"""Records to info to plotly figures; pure functions, no rendered text inside the info."""

from kd_core.figures.per_class import (
    Bar,
    class_bars_figure,
    class_bars_info,
    confusion_figure,
    confusion_info,
)
from kd_core.figures.trade_off import ModelPoint, trade_off_figure, trade_off_info
from kd_core.figures.training import lines_figure, lines_info, reliability_figure

__all__ = [
    "Bar",
    "ModelPoint",
    "class_bars_figure",
    "class_bars_info",
    "confusion_figure",
    "confusion_info",
    "lines_figure",
    "lines_info",
    "reliability_figure",
    "trade_off_figure",
    "trade_off_info",
]
