import json
import subprocess
import sys

import numpy as np

from kd_core.latency import probe


def test_time_limit_cuts_the_repeats_but_not_below_the_least():
    assert len(probe.timed(lambda: None, 100, limit_s=0, least=5)) == 5
    assert len(probe.timed(lambda: None, 3, limit_s=100, least=5)) == 3


def test_preprocessing_is_timed_on_an_image_of_twice_the_side():
    request = {"size": 16, "channels": 1, "mean": [0.5], "std": [0.2]}
    figures = probe.time_preprocessing(request)
    assert figures["preprocess_source_px"] == 32
    assert 0 < figures["preprocess_ms_p50"] <= figures["preprocess_ms_p95"]


def test_peak_memory_follows_what_is_used():
    probe.reset_peak_memory()
    before = probe.resident_bytes()
    block = np.ones(64_000_000, np.uint8)  # touched, so resident
    peak = probe.peak_bytes()
    assert peak is None or peak - before > 0.9 * block.nbytes


def test_the_process_loads_neither_torch_nor_our_package():
    code = (
        "import json, runpy, sys; "
        f"runpy.run_path({probe.__file__!r}); "
        "print(json.dumps(sorted({'torch', 'kd_core', 'pydantic'} & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
