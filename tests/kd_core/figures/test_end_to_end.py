import pytest

from kd_core.figures.end_to_end import MAX_MODELS, end_to_end_figure, end_to_end_info
from kd_core.latency.stages import Stage
from kd_core.text import Msg
from tests.helpers_sample import say

HERE, GUESS = Msg("stages.why.measured"), Msg("stages.why.scaled")
MEASURED = (
    Stage("decode", 0.4, 0.4, 0.5, "measured", HERE),
    Stage("resize", 0.2, 0.2, 0.2, "measured", HERE),
    Stage("network", 2.0, 2.0, 2.3, "measured", HERE),
    Stage("post", 0.01, 0.01, 0.01, "measured", HERE),
)
ESTIMATED = (
    Stage("decode", 1.0, 0.5, 2.0, "estimated", GUESS),
    Stage("network", 4.0, 3.0, 6.0, "estimated", Msg("stages.why.network", {"tier": "A"})),
)


def test_each_reason_is_said_once_and_what_is_not_known_is_named() -> None:
    info = end_to_end_info({"a": MEASURED, "b": ESTIMATED})
    assert info.models == ("a", "b")
    assert info.missing == ("resize", "post")
    assert [why.id for why in info.why] == [
        "stages.why.measured", "stages.why.scaled", "stages.why.network",
    ]  # fmt: skip
    assert info.longest_ms == 8.0
    assert end_to_end_info({"a": MEASURED}).missing == ()
    assert end_to_end_info({}).longest_ms == 0


def test_no_more_models_than_can_be_read() -> None:
    info = end_to_end_info({str(i): MEASURED for i in range(MAX_MODELS + 3)})
    assert (len(info.models), info.left_out) == (MAX_MODELS, 3)


@pytest.mark.parametrize("dark", [False, True])
def test_estimates_are_hatched_and_the_whole_carries_its_band(dark) -> None:
    info = end_to_end_info({"a": MEASURED, "b": ESTIMATED})
    first, second = (end_to_end_figure(info, say, dark) for _ in range(2))
    assert first == second
    traces = {trace.name: trace for trace in first.data}
    network = traces["network (estimated)"]
    assert network.marker.pattern.shape == "/"
    assert traces["network (measured)"].marker.pattern.shape == ""
    assert network.x == (None, 4.0)
    assert "3 to 6 ms, estimated" in network.customdata[1]
    whole = traces["whole, with its band"]
    assert whole.x == (pytest.approx(2.61), 5.0)
    assert whole.error_x.array[1] == 3.0
    assert whole.error_x.arrayminus[1] == 1.5
    assert whole.error_x.array[0] == 0  # nothing in it is estimated
    assert first.layout.xaxis.range[1] > 8
