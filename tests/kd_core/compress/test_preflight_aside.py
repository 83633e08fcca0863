import json
import sys

import pytest

from kd_core.compress import preflight_aside as aside
from kd_core.compress.preflight import Ask
from kd_core.compress.preflight_aside import preflight_aside
from kd_core.config import CompressStep, ComputeSettings, DataSettings
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import DataError, KDLabError
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_onnx import small_file, small_shop

ERROR = DataError("dataset_unknown", name="nobody", known=[])


@pytest.fixture
def ask(tmp_path) -> Ask:
    images, labels = tiny_images(36, size=16)
    write_folder(tmp_path / "incoming", images, labels)
    Library(tmp_path).add(draft(tmp_path / "incoming"), "tiny")
    return Ask(
        home=str(tmp_path),
        file=str(small_file(tmp_path / "model.onnx", small_shop(tmp_path).data)),
        data=DataSettings(dataset="tiny", size=16),
        compute=ComputeSettings(device="cpu", threads=1),
        steps=(CompressStep(method="fp16"), CompressStep(method="finetune")),
        device="raspberry_pi_4",
    )


def test_another_process_tells_how_far_it_is_and_what_it_found(ask):
    heard = []
    first, half, tuned = preflight_aside(ask, lambda done, total: heard.append((done, total)))
    assert heard == [(0, 3), (1, 3), (2, 3)]
    assert first.size_bytes > half.size_bytes
    assert tuned.problem["id"] == "refuses.no_network"


@pytest.mark.parametrize(
    ("script", "limit_s", "code"),
    [
        ("import time; time.sleep(600)", 0.1, "preflight_unknown"),
        ("print('half a li')", 60, "preflight_unknown"),
        ("raise SystemExit(1)", 60, "preflight_unknown"),
        (f"print({json.dumps({'error': ERROR.to_json()})!r})", 60, ERROR.code),
    ],
)
def test_a_process_that_gives_no_answer_is_an_error(ask, monkeypatch, script, limit_s, code):
    monkeypatch.setattr(aside, "COMMAND", (sys.executable, "-c", script))
    with pytest.raises(KDLabError) as caught:
        preflight_aside(ask, timeout_s=limit_s)
    assert caught.value.code == code
