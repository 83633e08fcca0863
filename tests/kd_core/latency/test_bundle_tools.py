import pytest

from kd_core.errors import ExportError
from kd_core.latency.bundle_tools import TOOLS, read_stedgeai, read_trtexec

TRT_NEW = """\
&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --onnx=models/01.onnx
[01/02/2026-10:00:00] [I] Selected Device: Orin
[01/02/2026-10:00:09] [I] Warmup completed 212 queries over 500 ms
[01/02/2026-10:00:14] [I] Timing trace has 3310 queries over 5.002 s
[01/02/2026-10:00:14] [I] === Performance summary ===
[01/02/2026-10:00:14] [I] Throughput: 661.7 qps
[01/02/2026-10:00:14] [I] Latency: min = 1.41 ms, max = 2.9 ms, mean = 1.5 ms, median = 1.48 ms, \
percentile(90%) = 1.6 ms, percentile(95%) = 1.65 ms, percentile(99%) = 1.9 ms
[01/02/2026-10:00:14] [I] GPU Compute Time: min = 1.3 ms, max = 2.8 ms, mean = 1.4 ms, median = 9 ms
&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec
"""
TRT_OLD = """\
[02/12/2023-10:00:00] [I] TensorRT version: 8.4.1
[02/12/2023-10:00:14] [I] Timing trace has 40 queries over 4 s
[02/12/2023-10:00:14] [I] Latency: min = 100.036 ms, max = 104.225 ms, mean = 101.4 ms, \
median = 101.1 ms, percentile(99%) = 104.2 ms
&&&& PASSED TensorRT.trtexec
"""
ST_NEW = """\
ST Edge AI Core v2.2.0-20266 2adc00962
 device         : 0x450 - STM32H743/53/50xx and STM32H745/55/47/57xx @480/240MHz
ST.AI Profiling results v2.0 - "network"
------------------------------------------------
nb sample(s)   :   5
duration       :   12.345 ms by sample (12.340/12.360/0.008)
macc           :   454528
cycles/MACC    :   4.91
------------------------------------------------
Evaluation report (summary)
Output       acc    rmse          mae           l2r           mean       std        nse
X-cross #1   n.a.   0.001000000   0.000900000   0.000351000   0.000010   0.000200   0.999
"""
ST_OLD = """\
 tools versions : rt=(3, 3, 0) tool=(3, 3, 0)/(1, 1, 0) api=(1, 0, 0)
Results for 10 inference(s) @168/168MHz (macc:874970)
 duration    : 62.976 ms (average)
"""


def test_trtexec_is_read_with_its_95_percent_point():
    figures = read_trtexec(TRT_NEW)
    assert (figures.p50_ms, figures.p95_ms) == (1.48, 1.65)
    assert (figures.repeats, figures.warmup) == (3310, 212)
    assert (figures.version, figures.device) == ("100300", "Orin")


def test_an_older_trtexec_has_the_largest_instead():
    figures = read_trtexec(TRT_OLD)
    assert (figures.p50_ms, figures.p95_ms, figures.version) == (101.1, 104.225, "8.4.1")


def test_stedgeai_is_read_with_its_comparison():
    figures = read_stedgeai(ST_NEW)
    assert (figures.p50_ms, figures.p95_ms, figures.repeats) == (12.345, 12.36, 5)
    assert figures.relative_error == 0.000351
    assert figures.version == "2.2.0"
    assert "STM32H7" in figures.device


def test_an_older_report_of_st_is_read_without_one():
    figures = read_stedgeai(ST_OLD)
    assert (figures.p50_ms, figures.p95_ms, figures.repeats) == (62.976, 62.976, 10)
    assert figures.relative_error is None


@pytest.mark.parametrize(
    ("read", "log"),
    [
        (read_trtexec, TRT_NEW.replace("PASSED", "FAILED")),
        (read_trtexec, TRT_NEW.replace("median", "middle")),
        (read_trtexec, TRT_NEW.replace("Timing trace", "trace")),
        (read_trtexec, ""),
        (read_stedgeai, ST_NEW.replace("duration", "time")),
        (read_stedgeai, ""),
    ],
)
def test_a_log_of_a_failed_run_is_refused(read, log):
    with pytest.raises(ExportError, match="tool_log_unreadable"):
        read(log)


def test_no_precision_of_a_tool_is_without_a_command():
    shape = (1, 3, 64, 64)
    for tool in TOOLS.values():
        lines = {tool.command("m.onnx", "01", shape, name) for name in ("fp32", "fp16", "int8")}
        assert all(tool.name in line for line in lines)
