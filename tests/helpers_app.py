"""The dashboard in tests: one finished study for all of them, a fresh server for each.

from tests.helpers_app import finished_study, server  # in a conftest: fixtures

at = open_page("results", study=filled.study)
button(at, say("results.test.open")).click().run()
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import services as app_services
from kd_core.config import (
    Arm,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LatencySettings,
    LossTerm,
    ModelSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.jobs import connect
from kd_core.study.collect import collect
from kd_core.study.pipeline import execute
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.text import Msg, load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import run_here

TEXTS = load_catalogue(ROOT / "app" / "locale")
TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1, "block": "separable"})
WAIT_S = 240  # only ever reached when a test fails


def say(text_id: str, **params: Any) -> str:
    """A sentence of the catalogue, as the pages show it."""
    return TEXTS.render(Msg(text_id, params))


def tiny_study(dataset: str = "cells", data_hash: str = "", seed: int = 0) -> StudySettings:
    """A teacher, a student alone and a distilled student that are trained in a few seconds."""
    recipe = TrainSettings(epochs=1, batch_size=16)
    return StudySettings(
        name="Tiny cells",
        data=DataSettings(dataset=dataset, data_hash=data_hash, size=32),
        teacher=TeacherSettings(model=TINY, train=recipe),
        student=TINY,
        train=recipe,
        arms=(Arm(distil=DistilSettings(losses=(LossTerm(name="kd", params={"T": 4.0}),))),),
        seeds=(seed,),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=2),
    )


def cell_folder(root: Path, n: int = 60) -> Path:
    """Class folders of tiny images below ``root``."""
    images, labels = tiny_images(n, size=32)
    write_folder(root, images, labels)
    return root


@cache
def _finished_home() -> Path:
    """A home with one finished study, really trained; made once for all tests."""
    root = Path(mkdtemp(prefix="kdlab-tests-"))
    dataset = Library(root).add(draft(cell_folder(root / "images")), "cells")
    store = Store(root)
    submit(store, tiny_study(data_hash=dataset.hash))
    while run_here(store, execute) is not None:
        pass
    failed = [(run.key, run.error) for run in store.runs() if run.status != "finished"]
    assert not failed, failed
    store.close()
    return root


@dataclass(frozen=True)
class Filled:
    """What a filled home holds.

    Attributes:
        home: The test's own ``KDLAB_HOME``.
        study: Id of the finished study.
        runs: Run id by graph key.
    """

    home: Path
    study: str
    runs: dict[str, str]


@pytest.fixture(scope="session")
def finished_study() -> Iterator[Path]:
    """A home elsewhere, with one finished study."""
    yield _finished_home()
    if _finished_home.cache_info().currsize:
        shutil.rmtree(_finished_home())
        _finished_home.cache_clear()


@pytest.fixture(autouse=True)
def server(home, monkeypatch, tmp_path):
    """A server that has just started: empty caches, no embedded study, nothing that runs the queue.

    A runner would start a worker process for each test; ``test_browser.py`` has a real one.
    """
    opened = []

    def connect_without_runner():
        opened.append(connect(drive=False))
        return opened[-1]

    monkeypatch.setattr(app_services, "connect", connect_without_runner)
    monkeypatch.setattr(app_services, "SAMPLE_STUDY", tmp_path / "none")
    monkeypatch.delenv("KDLAB_SHARED", raising=False)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    for jobs in opened:
        jobs.close()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def filled(home, finished_study) -> Filled:
    """The finished study in this test's home, with its data set."""
    shutil.copytree(finished_study / "datasets", home / "datasets")
    store = Store(home)
    collect(store, finished_study)
    study = store.studies()[0].id
    found = Filled(home, study, {run.key: run.id for run in store.runs(study=study)})
    store.close()
    return found


@pytest.fixture
def cells(home, finished_study) -> str:
    """The data set of the finished study alone; its name."""
    shutil.copytree(finished_study / "datasets", home / "datasets")
    return "cells"


# --- pages --------------------------------------------------------------------------------------


def open_page(name: str, theme: str = "light", **address: str) -> AppTest:
    """A new visit to a page, with these parameters in the address; it must show no traceback."""
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=WAIT_S)
    at.context["theme"] = theme
    if name == "home":
        at.query_params.update(address)
        return sound(at.run())
    sound(at.run())
    at.query_params.update(address)
    return go_to(at, name)


def go_to(at: AppTest, name: str) -> AppTest:
    """Change the page, as a click in the sidebar does."""
    return sound(at.switch_page(f"../pages/{name}.py").run())


def sound(at: AppTest) -> AppTest:
    """The page itself, after a look that it shows no traceback."""
    assert not at.exception, [f"{e.message}: {e.stack_trace}" for e in at.exception]
    return at


def words(at: AppTest) -> str:
    """All that stands on a page as text."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.info, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def button(at: AppTest, label: str) -> Any:
    """The button with this label.

    Raises:
        LookupError: There is none, or more than one.
    """
    found = [b for b in at.button if b.label == label]
    if len(found) != 1:
        raise LookupError(f"{len(found)} buttons {label!r} among {[b.label for b in at.button]}")
    return found[0]


def has_button(at: AppTest, label: str) -> bool:
    """Whether the page has a button with this label."""
    return any(b.label == label for b in at.button)


def press(at: AppTest, label: str) -> AppTest:
    """Press a button; the page then."""
    button(at, label).click()
    return sound(at.run())
