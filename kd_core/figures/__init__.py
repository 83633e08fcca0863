"""Records to info to plotly figures; pure functions, no rendered text inside the info."""

from kd_core.figures.calibration import reliability_figure, reliability_info
from kd_core.figures.confusion import confusion_figure, confusion_info
from kd_core.figures.counts import class_counts_figure, class_counts_info
from kd_core.figures.per_class import Bar, class_bars_figure, class_bars_info
from kd_core.figures.seeds import SeedValue, seeds_figure, seeds_info
from kd_core.figures.trade_off import ModelPoint, trade_off_figure, trade_off_info
from kd_core.figures.training import lines_figure, lines_info

__all__ = [
    "Bar",
    "ModelPoint",
    "SeedValue",
    "class_bars_figure",
    "class_bars_info",
    "class_counts_figure",
    "class_counts_info",
    "confusion_figure",
    "confusion_info",
    "lines_figure",
    "lines_info",
    "reliability_figure",
    "reliability_info",
    "seeds_figure",
    "seeds_info",
    "trade_off_figure",
    "trade_off_info",
]
