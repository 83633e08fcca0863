"""One finished study with a chain, really carried out; made once for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from kd_core.compress.presets import TEACHING, prune
from kd_core.config import Chain, CompressStep, TrainSettings
from kd_core.study.compress_plan import plan
from kd_core.study.pipeline import execute
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_app import _finished_home
from tests.helpers_jobs import run_here

RECIPE = TrainSettings(epochs=1, batch_size=16)
CHAIN = Chain(
    name="pdq",
    origin="distilled",
    steps=(
        prune(0.3, None, None),
        CompressStep(method="finetune", tune=RECIPE, distil=TEACHING.change(views=1)),
        CompressStep(method="int8", params={"images": 16}),
    ),
)


@cache
def compressed_home() -> Path:
    """A home whose newest study compresses another one's distilled student."""
    root = Path(mkdtemp(prefix="kdlab-tests-"))
    shutil.copytree(_finished_home(), root, dirs_exist_ok=True)
    store = Store(root)
    made = plan(store, store.studies()[0].id, [CHAIN], name="Compressed cells")
    submit(store, made.study, runs=made.runs, reuse=True)
    while run_here(store, execute) is not None:
        pass
    failed = [(run.key, run.error) for run in store.runs() if run.status != "finished"]
    assert not failed, failed
    store.close()
    return root


@pytest.fixture(scope="session")
def compressed_study() -> Iterator[Path]:
    """A home elsewhere with a finished chain."""
    yield compressed_home()
    if compressed_home.cache_info().currsize:
        shutil.rmtree(compressed_home())
        compressed_home.cache_clear()


@pytest.fixture
def compressed(home, compressed_study) -> Path:
    """The same home as this test's own."""
    shutil.copytree(compressed_study, home, dirs_exist_ok=True)
    return home
