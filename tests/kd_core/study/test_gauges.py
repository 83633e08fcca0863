import sys
from types import SimpleNamespace

import torch

from kd_core.study import gauges


def counter(folder, name, zone, value, largest=1_000_000):
    place = folder / f"intel-rapl:{zone}"
    place.mkdir(exist_ok=True)
    (place / "name").write_text(name)
    (place / "energy_uj").write_text(str(value))
    (place / "max_energy_range_uj").write_text(str(largest))


def test_joules_of_all_packages_add_up_over_a_new_start(tmp_path):
    counter(tmp_path, "package-0", 0, 900_000)
    counter(tmp_path, "core", "0:0", 5)  # part of the package
    counter(tmp_path, "package-1", 1, 0)
    joules = gauges.rapl(tmp_path)
    assert joules() == 0.0
    counter(tmp_path, "package-0", 0, 100_000)  # went over its limit
    counter(tmp_path, "package-1", 1, 300_000)
    assert joules() == 0.5
    counter(tmp_path, "package-1", 1, 400_000)
    assert joules() == 0.6


def test_closed_counters_give_no_joules(tmp_path):
    assert gauges.rapl(tmp_path)() is None
    counter(tmp_path, "package-0", 0, 0)
    joules = gauges.rapl(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("?")
    assert joules() is None


def test_a_cpu_run_reads_the_memory_of_the_process():
    here = gauges.gauges(torch.device("cpu"))
    peak = here.peak_bytes()
    assert peak is None or peak > 10_000_000


def test_a_gpus_own_counter_is_read_in_joules(monkeypatch):
    class Error(Exception):
        pass

    asked = []
    fake = SimpleNamespace(
        NVMLError=Error,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: asked.append(uuid) or "handle",
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: 2500,  # mJ
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    properties = SimpleNamespace(uuid="abc")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    joules = gauges.nvml(torch.device("cuda:0"))
    assert joules() == 2.5
    assert asked == ["GPU-abc"]

    def broken(handle):
        raise Error

    fake.nvmlDeviceGetTotalEnergyConsumption = broken
    assert joules() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gauges.nvml(torch.device("cuda:0"))() is None
