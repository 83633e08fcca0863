import stat
from pathlib import Path

import pytest

from kd_core import hardware


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A stand-in for nvidia-smi that prints what a test gives it."""

    def make(answer, code=0):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\nexit {code}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setattr(hardware.shutil, "which", lambda name: str(path))

    return make


def test_the_drivers_tool_names_card_and_driver(tool):
    tool("NVIDIA H200, 570.86.15\nNVIDIA H200, 570.86.15\n")
    assert hardware.nvidia_gpu() == {"gpu": "NVIDIA H200", "driver": "570.86.15"}


@pytest.mark.parametrize(("answer", "code"), [("No devices were found", 0), ("failed", 9)])
def test_a_tool_without_a_card_finds_none(tool, answer, code):
    if Path("/proc/driver/nvidia/version").exists() or list(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine shows a GPU of its own")
    tool(answer, code)
    assert hardware.nvidia_gpu() is None


def test_the_processor_is_described():
    cpu = hardware.cpu()
    assert cpu["model"]
    assert set(cpu["features"]) <= set(hardware.CPU_FEATURES)


@pytest.mark.parametrize(
    ("text", "model", "features"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: sse4_2 avx2 fma pni\n", "AMD EPYC", ["avx2", "fma"]),
        ("Features\t: fp asimd\nModel\t\t: Raspberry Pi 4\n", "Raspberry Pi 4", ["asimd"]),
    ],
)
def test_linux_processors(tmp_path, monkeypatch, text, model, features):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(hardware, "CPUINFO", path)
    monkeypatch.setattr(hardware.platform, "system", lambda: "Linux")
    assert hardware._cpu_model() == model
    assert set(features) <= set(hardware._cpu_features())
    assert "pni" not in hardware._cpu_features()


def test_a_command_that_cannot_run_has_no_output(tmp_path):
    assert hardware.output([str(tmp_path / "nothing")]) == ""
