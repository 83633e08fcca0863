"""Making a lesson's material in a process of its own, so that no visitor waits for it.

``python -m kd_core.lessons.aside`` reads ``{"home", "study", "name"}`` as JSON from standard input
and prints JSON lines: how far it is, and in the end where it is or what went wrong. It is nice to
everything else on the machine, and ends when nobody listens any more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kd_core.compress.preflight_aside import talk
from kd_core.errors import KDLabError, TrainError, error_from_json
from kd_core.lessons.material import Progress

COMMAND = (sys.executable, "-m", "kd_core.lessons.aside")
NICE = 10
"""Added to the process's niceness, where the system has one."""


def make_aside(
    home: Path, study: str, name: str, tick: Progress = lambda done, total: None
) -> None:
    """:func:`kd_core.lessons.open.make_material` in a process of its own.

    Args:
        home: The home that holds the study.
        study: Its id; empty for the embedded one.
        name: Entry of ``MATERIALS``.
        tick: Called with (done, total).

    Raises:
        TrainError: ``material_failed`` where it ended without an answer.
        KDLabError: What went wrong there.
    """
    with subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            answer = talk(process, {"home": str(home), "study": study, "name": name}, tick)
        except (ValueError, OSError):  # half a line, or nobody there to be asked
            answer = {}
        finally:
            process.kill()
    if "error" in answer:
        raise error_from_json(answer["error"])
    if "made" not in answer:
        raise TrainError("material_failed", name=name)


def _main() -> None:
    ask = json.loads(sys.stdin.read())
    if hasattr(os, "nice"):
        os.nice(NICE)

    def tick(done: int, total: int) -> None:
        print(json.dumps({"done": done, "total": total}), flush=True)

    print(json.dumps(answer_to(ask, tick)))


def answer_to(ask: dict[str, str], tick: Progress) -> dict[str, Any]:
    """Make what is asked for: ``{"made": folder}``, or ``{"error": …}``."""
    from kd_core.lessons.open import make_material, open_material
    from kd_core.study.store import Store

    try:
        store = Store(Path(ask["home"]))
        try:
            material = open_material(store, ask["study"] or None)
            return {"made": str(make_material(material, ask["name"], tick))}
        finally:
            store.close()
    except KDLabError as error:
        return {"error": error.to_json()}


if __name__ == "__main__":
    _main()
