import importlib.util
import subprocess
import sys

from app import warm


def test_nothing_is_started_without_a_server(monkeypatch):
    monkeypatch.setattr(warm.threading, "Thread", None)
    warm.begin()  # would fail if it made a thread


def test_what_it_reads_is_there_for_the_demo():
    code = (
        "import gc, sys; from app import warm; warm.get_ready(0); "
        "assert 'app.demo_field' in sys.modules and 'kd_core.slides' in sys.modules; "
        "kept = gc.get_freeze_count(); left = len(gc.get_objects()); "
        "assert kept > 100_000 > 20 * left, (kept, left)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(importlib.util.find_spec(name) for name in warm.MODULES)
