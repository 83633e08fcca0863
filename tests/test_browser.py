"""The main path as a person goes it, in a real browser: upload, distil, follow, take the file."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import onnxruntime
import pytest

from kd_core.config import (
    Arm,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LatencySettings,
    ModelSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
from tests.helpers_code import ROOT
from tests.helpers_data import tiny_images, write_folder

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
REQUIRED = os.environ.get("KDLAB_REQUIRE_BROWSER") == "1"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENT_MS = 240_000  # a generous limit; nothing here asserts a speed

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists() and not REQUIRED, reason="Chromium is not installed"
)


@pytest.fixture
def server(tmp_path):
    """A server of its own, shared by several people, with an empty home."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "KDLAB_HOME": str(tmp_path / "home"),
        "KDLAB_SHARED": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _until_up(address, process, tmp_path / "server.log")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def _until_up(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
            return
        time.sleep(0.3)
    pytest.fail(f"The server did not start: {log.read_text()}")


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def visit(browser, address: str):
    """A page of a new visitor, which asks nothing of any other server."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.set_default_timeout(PATIENT_MS)
    elsewhere = []
    page.on("request", lambda asked: elsewhere.append(asked.url))
    page.goto(address)
    page.wait_for_selector("h1")
    own = f"http://{urlsplit(address).netloc}/"
    assert [url for url in elsewhere if not url.startswith((own, "data:", "blob:"))] == []
    return page


def zip_of_images(folder: Path) -> Path:
    images, labels = tiny_images(72, size=32)
    write_folder(folder / "cells", images, labels)
    return Path(shutil.make_archive(str(folder / "cells"), "zip", folder, "cells"))


def tiny_study() -> str:
    net = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1})
    train = TrainSettings(epochs=1, batch_size=16)
    study = StudySettings(
        name="Browser",
        data=DataSettings(dataset="cells", size=32),
        teacher=TeacherSettings(model=net, train=train),
        student=net,
        train=train,
        arms=(Arm(distil=DistilSettings(views=1)),),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=2),
    )
    return json.dumps(study.to_json())


def test_the_main_path(server, browser, tmp_path) -> None:
    page = visit(browser, f"{server}/data")
    bring(page, zip_of_images(tmp_path))
    study = distil(page, server)
    other = visit(browser, f"{server}/distil?study={study}")
    other.get_by_text("of 3 runs finished").wait_for()
    on_the_page = other.get_by_test_id("stMain")  # the toolbar has a Stop while a script runs
    assert on_the_page.get_by_role("button", name="Stop", exact=True).count() == 0
    page.reload()  # F5: a new session that still owns its study
    page.get_by_text("3 of 3 runs finished").wait_for()
    logits = take_the_file(page, tmp_path)
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def bring(page, archive: Path) -> None:
    page.get_by_role("tab", name="Bring your own").click()
    page.locator("input[type=file]").set_input_files(archive)
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("cells is ready to be used.").wait_for()


def distil(page, server: str) -> str:
    page.get_by_role("link", name="Distil", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.get_by_text("Configuration", exact=True).first.click()
    page.get_by_label("Paste a configuration").fill(tiny_study())
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Use it", disabled=False).click()
    page.locator('input[value="Browser"]').wait_for()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**study=*")
    return page.url.split("study=")[1].split("&")[0]


def take_the_file(page, folder: Path) -> np.ndarray:
    page.get_by_text("Open the results").click()
    page.get_by_text("distilled against Student alone").wait_for()
    # The table is a canvas: its first row's check box stands at the left, below the header.
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 14, "y": 52})
    with page.expect_download() as waiting:
        page.get_by_role("button", name="ONNX file").click()
    path = folder / "student.onnx"
    waiting.value.save_as(path)
    session = onnxruntime.InferenceSession(path)
    images = np.zeros((2, 3, 32, 32), np.float32)
    return session.run(["logits"], {"images": images})[0]
