import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from kd_core import hardware, repro
from kd_core.config import ComputeSettings
from kd_core.errors import TrainError
from kd_core.text import Msg, load_catalogue

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "app" / "locale")
CARD = {"gpu": "NVIDIA RTX A2000", "driver": "535.104"}


@pytest.fixture(autouse=True)
def _flags_restored():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.benchmark = False


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90"])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU number {device.index}")


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


def test_a_seed_fixes_all_three_generators():
    repro.seed_everything(7)
    first = draws()
    second = draws()
    repro.seed_everything(7)
    assert draws() == first
    repro.seed_everything(8)
    assert all(a != b for a, b in zip(draws(), first, strict=True))
    assert second != first


def test_prepare_sets_what_the_run_asks_for(no_gpu):
    device = repro.prepare(ComputeSettings(threads=2, deterministic=True), seed=3)
    assert device == torch.device("cpu")
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    first = torch.rand(3)
    repro.prepare(ComputeSettings(threads=1, deterministic=False), seed=3)
    assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(3), first)


def test_two_equal_trainings_end_with_equal_bits():
    def train():
        repro.prepare(ComputeSettings(device="cpu", threads=2), seed=5)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.3)
        )
        optimiser = torch.optim.AdamW(model.parameters())
        for _ in range(3):
            loss = model(torch.randn(8, 1, 9, 9)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.equal(train(), train())


def test_on_a_gpu_an_operation_without_repeatable_kernel_only_warns():
    repro.set_deterministic(True, torch.device("cuda", 0))
    assert torch.is_deterministic_algorithms_warn_only_enabled()


def test_auto_takes_the_processor_where_there_is_nothing_else(no_gpu, monkeypatch):
    monkeypatch.setattr(hardware, "nvidia_gpu", lambda: None)
    report = repro.device_report()
    assert (report.device, report.problem) == ("cpu", None)
    assert report.name == hardware.cpu()["model"]
    assert report.msg == Msg("device.cpu", {"name": report.name})


def test_auto_takes_the_first_gpu(two_gpus):
    assert repro.available_devices() == ("cuda:0", "cuda:1", "cpu")
    assert repro.resolve_device("auto") == torch.device("cuda", 0)
    assert repro.resolve_device("cuda") == torch.device("cuda", 0)
    assert repro.resolve_device("cuda:1") == torch.device("cuda", 1)
    assert repro.device_report("cuda:1").name == "GPU number 1"
    assert repro.device_report().msg == Msg("device.cuda", {"name": "GPU number 0"})
    assert repro.device_report("cpu").problem is None
    assert not repro.is_bit_exact(ComputeSettings(device="auto"))


def test_auto_takes_apples_gpu(no_gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert repro.resolve_device("auto") == torch.device("mps")
    assert repro.gpu_problem() is None


@pytest.mark.parametrize(
    ("name", "code"),
    [("gpu", "device_unknown"), ("cuda:0", "device_unavailable"), ("mps", "device_unavailable")],
)
def test_a_device_that_is_not_here_is_an_error_and_never_the_processor(no_gpu, name, code):
    with pytest.raises(TrainError) as caught:
        repro.resolve_device(name)
    assert caught.value.code == code
    assert caught.value.fields == {"device": name, "available": ["cpu"]}


def problem(monkeypatch, cuda, error=""):
    def init():
        raise RuntimeError(f"{error}\nsecond line")

    monkeypatch.setattr(hardware, "nvidia_gpu", lambda: CARD)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "init", init)
    report = repro.device_report()
    assert report.device == "cpu"
    return report.problem


def test_a_cpu_build_beside_a_gpu_is_said(no_gpu, monkeypatch):
    msg = problem(monkeypatch, None)
    assert msg == Msg("device.problem.cpu_build", {**CARD, "torch": torch.__version__})
    text = CATALOGUE.render(msg)
    assert "WARNING" in text
    assert "NVIDIA RTX A2000" in text


def test_an_old_driver_is_said(no_gpu, monkeypatch):
    error = "The NVIDIA driver on your system is too old (found version 12020)."
    msg = problem(monkeypatch, "13.0", error)
    assert msg.id == "device.problem.driver_old"
    assert "535.104" in CATALOGUE.render(msg)


def test_another_reason_is_passed_on(no_gpu, monkeypatch):
    msg = problem(monkeypatch, "13.0", "CUDA unknown error")
    assert msg.id == "device.problem.no_cuda"
    assert "CUDA unknown error" in CATALOGUE.render(msg)
    assert "second line" not in CATALOGUE.render(msg)


def test_a_card_without_kernels_is_said(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (5, 2))
    assert problem(monkeypatch, "13.0").id == "device.problem.card_old"


@pytest.mark.parametrize("value", ["", "-1"])
def test_a_gpu_that_is_hidden_on_purpose_is_no_problem(no_gpu, monkeypatch, value):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert problem(monkeypatch, None) is None


@pytest.mark.parametrize(
    ("capability", "arches", "expected"),
    [
        ((7, 5), ["sm_75"], True),
        ((8, 9), ["sm_80", "sm_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((8, 0), ["sm_86"], False),
        ((6, 1), ["sm_75", "sm_80"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((12, 0), ["sm_90"], False),
        ((10, 0), ["sm_100"], True),
        ((8, 0), [], False),
    ],
)
def test_which_cards_a_build_has_code_for(capability, arches, expected):
    assert repro.fits(capability, arches) is expected


def test_the_stamp_is_json_and_says_where_a_run_was_made(no_gpu):
    compute = ComputeSettings(device="cpu", threads=2)
    stamp = json.loads(json.dumps(repro.environment(compute)))
    assert stamp["packages"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert {"torchvision", "onnxruntime"} <= set(stamp["packages"])
    assert stamp["cpu"]["model"]
    assert stamp["cpu"]["threads"] >= stamp["cpu"]["cores"] >= 1
    assert (stamp["device"], stamp["threads"], stamp["bit_exact"]) == ("cpu", 2, True)
    assert not repro.environment(compute.change(deterministic=False))["bit_exact"]


def test_the_commit_is_stamped_in_a_checkout():
    commit = repro.git_commit()
    assert commit is None or len(commit.rstrip("+")) == 40
