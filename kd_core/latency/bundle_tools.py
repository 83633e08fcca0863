"""The command lines of makers' tools, and their output read back: TensorRT and STM32.

Each tool is a :class:`Tool`: what it is called with, and what its log says. ``trtexec`` is part of
TensorRT, ``stedgeai`` is ST's Edge AI Core; both measure the network alone, input and output in
memory, as our own protocol does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kd_core.errors import ExportError

WARMUP_MS, DURATION_S = 500, 5
_MS = r"([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)"
_TRT_VERSION = re.compile(r"TensorRT v(\d{4,6})\b|TensorRT version: ([\d.]+)")
_TRT_LATENCY = re.compile(r"\[I\] Latency: min = (.+)")
_TRT_QUERIES = re.compile(r"Timing trace has (\d+) queries")
_TRT_WARMUP = re.compile(r"Warmup completed (\d+) queries")
_TRT_DEVICE = re.compile(r"Selected Device: (.+)")
_ST_VERSION = re.compile(r"ST Edge AI Core v?([\d.]+)|tool=\((\d+, \d+, \d+)\)")
_ST_DURATION = re.compile(
    rf"duration\s*:\s*{_MS} ms (?:by sample \({_MS}/{_MS}/{_MS}\)|\(average\))"
)
_ST_SAMPLES = re.compile(r"nb sample\(s\)\s*:\s*(\d+)|Results for (\d+) inference")
_ST_CROSS = re.compile(rf"X-cross #1\s+\S+\s+{_MS}\s+{_MS}\s+{_MS}")
_ST_DEVICE = re.compile(r"^\s*(?:device\s*:\s*)?(0x[0-9a-fA-F]+.*@\d+/?\d*\s?MHz.*)$", re.MULTILINE)


@dataclass(frozen=True)
class ToolFigures:
    """What a log says.

    Attributes:
        version: Of the tool.
        p50_ms: Median of one call; the mean where the tool gives no median.
        p95_ms: 95 % of the calls stay within; the largest where the tool gives only that.
        repeats: Calls that count.
        warmup: Calls before them.
        device: What the tool found; empty where it does not say.
        relative_error: L2 distance of the answers from the reference over the reference's norm,
            where the tool compares them itself.
    """

    version: str
    p50_ms: float
    p95_ms: float
    repeats: int
    warmup: int = 0
    device: str = ""
    relative_error: float | None = None


@dataclass(frozen=True)
class Tool:
    """A maker's tool.

    Attributes:
        name: What is typed.
        command: (model file, its number, shape of one input, precision) to a line of ``run.sh``.
        log: Where the output of model number ``{number}`` is found.
        answers: Where the model's answers are found; empty where the tool compares them itself.
        read: A log to its figures; raises ``ExportError`` with ``tool_log_unreadable``.
    """

    name: str
    command: Callable[[str, str, tuple[int, ...], str], str]
    log: str
    answers: str
    read: Callable[[str], ToolFigures]


def trtexec_command(file: str, number: str, shape: tuple[int, ...], precision: str) -> str:
    """``trtexec`` for one model, one image a call.

    >>> trtexec_command("models/01.onnx", "01", (1, 3, 64, 64), "fp16").split()[:2]
    ['trtexec', '--onnx=models/01.onnx']
    """
    flags = {"fp32": "--noTF32", "fp16": "--fp16", "int8": "--int8 --fp16"}[precision]
    sizes = "x".join(map(str, shape))
    return (
        f"trtexec --onnx={file} --shapes=images:{sizes} {flags} "
        f"--warmUp={WARMUP_MS} --duration={DURATION_S} --percentile=95 "
        f"--loadInputs=images:golden/{number}.bin --exportOutput=out/{number}.json "
        f"> out/{number}.log 2>&1"
    )


def stedgeai_command(file: str, number: str, shape: tuple[int, ...], precision: str) -> str:
    """``stedgeai validate`` on the board for one model; ``$TARGET`` and ``$DESC`` name the board.

    >>> "--mode target" in stedgeai_command("models/01.onnx", "01", (1, 3, 64, 64), "int8")
    True
    """
    return (
        f"stedgeai validate --model {file} --target $TARGET --mode target --desc $DESC "
        f"--valinput golden/{number}.npy --output out/{number} --workspace out/{number}_ws"
    )


def read_trtexec(log: str) -> ToolFigures:
    """Median, 95 % point and number of queries of a ``trtexec`` log.

    Latency is the host's: copy in, compute, copy out.

    Raises:
        ExportError: ``tool_log_unreadable``.
    """
    found = _TRT_LATENCY.search(log)
    if "&&&& PASSED" not in log or found is None:
        raise ExportError("tool_log_unreadable", tool="trtexec", lacks="&&&& PASSED")
    figures = dict(re.findall(rf"(max|median|percentile\(\d+%\)) = {_MS} ms", found[1]))
    last = figures.get("percentile(95%)", figures.get("max"))
    queries = _TRT_QUERIES.search(log)
    if "median" not in figures or last is None or queries is None:
        raise ExportError("tool_log_unreadable", tool="trtexec", lacks="median")
    warmup, device = _TRT_WARMUP.search(log), _TRT_DEVICE.search(log)
    return ToolFigures(
        version=_version(_TRT_VERSION, log),
        p50_ms=float(figures["median"]),
        p95_ms=float(last),
        repeats=int(queries[1]),
        warmup=int(warmup[1]) if warmup else 0,
        device=device[1].strip()[:120] if device else "",
    )


def read_stedgeai(log: str) -> ToolFigures:
    """Mean, longest time and number of samples of a ``stedgeai validate`` report.

    A microcontroller runs nothing beside the network, so mean and median are the same to four
    digits; the longest stands for the 95 % point, the mean where even that is not given.

    Raises:
        ExportError: ``tool_log_unreadable``.
    """
    duration, samples = _ST_DURATION.search(log), _ST_SAMPLES.search(log)
    if duration is None or samples is None:
        raise ExportError("tool_log_unreadable", tool="stedgeai", lacks="duration")
    cross, device = _ST_CROSS.search(log), _ST_DEVICE.search(log)
    mean = float(duration[1])
    return ToolFigures(
        version=_version(_ST_VERSION, log),
        p50_ms=mean,
        p95_ms=max(mean, float(duration[3] or mean)),
        repeats=int(samples[1] or samples[2]),
        device=device[1].strip()[:120] if device else "",
        relative_error=float(cross[3]) if cross else None,
    )


def _version(pattern: re.Pattern[str], log: str) -> str:
    found = pattern.search(log)
    return next((text for text in found.groups() if text), "?") if found else "?"


TOOLS = {
    "tensorrt": Tool(
        name="trtexec",
        command=trtexec_command,
        log="out/{number}.log",
        answers="out/{number}.json",
        read=read_trtexec,
    ),
    "stm32cube_ai": Tool(
        name="stedgeai",
        command=stedgeai_command,
        log="out/{number}/network_validate_report.txt",
        answers="",
        read=read_stedgeai,
    ),
}
"""Tools by runtime; every other runtime that can be measured runs ``bench.py``."""
