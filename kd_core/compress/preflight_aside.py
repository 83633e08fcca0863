"""The pre-flight in a process of its own, so that a page that asks stays quick.

``python -m kd_core.compress.preflight_aside`` reads an ``Ask`` as JSON from standard input and
prints JSON lines: how far it is, and in the end what was found or what went wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.compress.preflight import Ask, Expected, Heard, preflight
from kd_core.errors import KDLabError, TrainError, error_from_json

COMMAND = (sys.executable, "-m", "kd_core.compress.preflight_aside")


def preflight_aside(
    ask: Ask, tick: Heard = lambda done, total: None, timeout_s: float = 300
) -> tuple[Expected, ...]:
    """:func:`kd_core.compress.preflight.preflight` in a process of its own.

    Raises:
        TrainError: ``preflight_unknown`` where it does not end in time, or not at all.
        KDLabError: What went wrong there.
    """
    answer: dict[str, Any] = {}
    with subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        late = threading.Timer(timeout_s, process.kill)
        late.start()
        try:
            answer = talk(process, ask.to_json(), tick)
        except (ValueError, OSError):  # half a line, or nobody there to be asked
            answer = {}
        finally:
            late.cancel()
            process.kill()
    if "error" in answer:
        raise error_from_json(answer["error"])
    if "found" not in answer:
        raise TrainError("preflight_unknown")
    return tuple(Expected.from_json(item) for item in answer["found"])


def talk(process: subprocess.Popen[str], ask: Mapping[str, Any], tick: Heard) -> dict[str, Any]:
    """Ask a process that answers in JSON lines, pass on how far it is, and return its last line.

    Args:
        process: With pipes for its standard input and output.
        ask: The question, as JSON.
        tick: Called with (done, total).

    Raises:
        ValueError: A line is no JSON, such as the half of one that was being written.
        OSError: Nobody is there to be asked.
    """
    assert process.stdin is not None
    assert process.stdout is not None  # both are pipes
    with process.stdin as question:
        question.write(json.dumps(ask))
    answer: dict[str, Any] = {}
    for line in process.stdout:
        answer = json.loads(line)
        if "done" in answer:
            tick(answer["done"], answer["total"])
    return answer


def _main() -> None:
    ask = Ask.from_json(json.loads(sys.stdin.read()))

    def tick(done: int, total: int) -> None:
        print(json.dumps({"done": done, "total": total}), flush=True)

    try:
        answer: dict[str, Any] = {"found": [item.to_json() for item in preflight(ask, tick)]}
    except KDLabError as error:
        answer = {"error": error.to_json()}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
