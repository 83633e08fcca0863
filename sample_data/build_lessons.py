"""Rebuild what lessons need for the embedded study: ``python -m sample_data.build_lessons``.

Makes every entry of ``MATERIALS``, or those that are named, in a home of its own and puts the files
into ``sample_data/lessons/<name>-v<version>``. Trainings use one thread, so the same machine gives
the same bits; ``--check`` makes them again and says which files differ.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from kd_core.lessons import LESSONS
from kd_core.lessons.material import MATERIALS, Material, Progress
from kd_core.lessons.open import SHIPPED, make_material, open_material
from kd_core.study.store import Store

LIMIT_BYTES = 1_500_000
"""Of one material; everybody who clones the project takes them along."""


def build(home: Path, names: Sequence[str], check: bool = False) -> bool:
    """Make some materials of the embedded study; whether all went as it should.

    Args:
        home: Where to work.
        names: Entries of ``MATERIALS``.
        check: Compare with the files that are there, and change nothing.
    """
    torch.set_num_threads(1)
    with contextlib.closing(Store(home)) as store:
        material = open_material(store)
        return all([_build_one(material, name, check) for name in names])


def _build_one(material: Material, name: str, check: bool) -> bool:
    began = time.perf_counter()
    made = make_material(material, name, _printed(name))
    seconds = time.perf_counter() - began
    target = SHIPPED / made.name
    size = sum(file.stat().st_size for file in made.iterdir())
    if check:
        wrong = [f.name for f in made.iterdir() if not _same(f, target / f.name)]
        print(
            f"{name}: {'differs: ' + ', '.join(wrong) if wrong else 'the same'} ({seconds:.0f} s)"
        )
        return not wrong
    for older in SHIPPED.glob(f"{name}-v*"):
        shutil.rmtree(older)
    shutil.copytree(made, target)
    print(f"{name}: {size:,} bytes in {target} ({seconds:.0f} s)")
    if size > LIMIT_BYTES:
        print(f"{name}: more than {LIMIT_BYTES:,} bytes")
    return size <= LIMIT_BYTES


def _same(made: Path, there: Path) -> bool:
    return there.is_file() and made.read_bytes() == there.read_bytes()


def _printed(name: str) -> Progress:
    said = -1

    def progress(done: int, total: int) -> None:
        nonlocal said
        tenth = 10 * done // max(1, total)
        if tenth != said:
            said = tenth
            print(f"{name}: {done}/{total}", flush=True)

    return progress


if __name__ == "__main__":
    assert len(LESSONS)  # importing the lessons registers their materials
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MATERIALS.names())}; else all")
    parser.add_argument("--home", type=Path, help="where to work; else a temporary folder")
    parser.add_argument("--check", action="store_true", help="compare, and change nothing")
    chosen = parser.parse_args()
    wanted = chosen.names or MATERIALS.names()
    with contextlib.ExitStack() as stack:
        folder = chosen.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not build(folder, wanted, chosen.check):
            raise SystemExit(1)
