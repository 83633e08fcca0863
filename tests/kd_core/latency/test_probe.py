import json
import subprocess
import sys
import types

import pytest

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
    # A process of its own: this one may give memory back, or take up what it had freed.
    code = (
        f"import json, mmap, runpy; probe = runpy.run_path({probe.__file__!r}); "
        "probe['reset_peak_memory'](); before = probe['resident_bytes'](); "
        "block = mmap.mmap(-1, 64_000_000); block.write(bytes([1]) * 64_000_000); "
        "print(json.dumps([before, probe['peak_bytes']()]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    before, peak = json.loads(done.stdout)
    assert peak is None or peak - before > 0.9 * 64_000_000


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


def test_decoding_is_a_part_of_the_preparation():
    figures = probe.time_preprocessing({"size": 16, "channels": 3, "mean": [0.5], "std": [0.2]})
    assert 0 < figures["decode_ms_p50"] <= figures["preprocess_ms_p50"]


def powercap(folder, **counters):
    """A folder like /sys/class/powercap with a package, its cores, its memory and the platform."""
    parts = {"0": "package-0", "0:0": "core", "0:1": "dram", "1": "psys"}
    for number, name in parts.items():
        place = folder / f"intel-rapl:{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "name").write_text(f"{name}\n")
        (place / "max_energy_range_uj").write_text("1000000\n")
        (place / "energy_uj").write_text(f"{counters.get(name.partition('-')[0], 0)}\n")


def test_energy_is_that_of_package_and_memory_even_when_the_counter_starts_anew(tmp_path):
    powercap(tmp_path, package=995_000, core=0, dram=100, psys=0)
    spent = probe.energy_mj(
        lambda: powercap(tmp_path, package=5_000, core=7_000, dram=2_100, psys=90_000),
        tmp_path, least_s=0,
    )  # fmt: skip
    assert spent == 12.0  # 10 mJ of the package and 2 mJ of the memory


def test_energy_is_unknown_where_no_counter_can_be_read(tmp_path):
    assert probe.energy_mj(lambda: None, tmp_path / "none") is None
    powercap(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir()  # cannot be read, whoever asks
    (tmp_path / "intel-rapl:0:1" / "energy_uj").write_text("?")
    assert probe.energy_mj(lambda: None, tmp_path) is None


def stand_in(monkeypatch, readings, fails=None):
    """A library like nvidia-ml-py with one GPU, whose counter (mJ) goes through the readings."""

    class NVMLError(Exception):
        pass

    asked = []

    def counter(handle):
        asked.append(handle)
        if fails:
            raise NVMLError(fails)
        return readings[min(len(asked), len(readings)) - 1]

    library = types.SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda i: f"index {i}",
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=counter,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return asked


def test_the_energy_of_a_gpu_is_its_counter_and_the_processor_s_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    asked = stand_in(monkeypatch, [5_000, 5_030])
    assert probe.energy_mj(lambda: None, tmp_path / "none", least_s=0, gpu=True) == 30.0
    assert set(asked) == {"index 2"}
    powercap(tmp_path, package=0, dram=0)
    stand_in(monkeypatch, [5_000, 5_030])
    spent = probe.energy_mj(lambda: powercap(tmp_path, package=2_000), tmp_path, 0, gpu=True)
    assert spent == 32.0
    assert probe.method_of(probe.counters(tmp_path, gpu=True)) == "nvml+rapl"
    assert probe.method_of(probe.counters(tmp_path, gpu=False)) == "rapl"


def test_a_gpu_without_a_counter_has_no_energy_even_if_the_processor_has(tmp_path, monkeypatch):
    powercap(tmp_path, package=0, dram=0)
    stand_in(monkeypatch, [1], fails="Not Supported")
    assert probe.energy_mj(lambda: None, tmp_path, gpu=True) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    assert probe.energy_mj(lambda: None, tmp_path, gpu=True) is None


def test_a_gpu_that_cannot_be_used_is_told_and_not_replaced_by_the_processor(monkeypatch):
    def opened(path, options, providers):
        assert providers[0][0] == "CUDAExecutionProvider"
        return types.SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])

    monkeypatch.setattr(probe.onnxruntime, "InferenceSession", opened)
    with pytest.raises(SystemExit, match="onnxruntime-gpu"):
        probe.open_session("model.onnx", 1, gpu=True)
