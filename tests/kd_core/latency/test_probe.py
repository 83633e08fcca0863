import json
import subprocess
import sys

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
