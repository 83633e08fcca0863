import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from kd_core.errors import ConfigError
from kd_core.events import Log, Progress
from kd_core.train import Outside, fit
from kd_core.train.data_free import ABOUT, IMAGES, SHEET, nearness_msg
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, mode_fit, mode_run, network
from tests.helpers_train import equal_weights


class Locked:
    """Images that must not be looked at."""

    def __init__(self, shape):
        self.shape = shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        raise AssertionError("a training image was read")

    def __array__(self, *args, **kwargs):
        raise AssertionError("the training images were read")

    def astype(self, dtype):
        raise AssertionError("the training labels were read")


def locked(data):
    """The data set whose training images and labels nobody can read."""
    train = data.parts["train"]
    hidden = replace(train, images=Locked(train.images.shape), targets=Locked(train.targets.shape))
    return replace(data, parts={**data.parts, "train": hidden})


def test_no_training_image_and_no_label_is_read(tmp_path):
    data = tiny_data()
    with pytest.raises(AssertionError):  # the lock holds: another mode runs into it
        mode_fit(mode_run("offline"), locked(data), tmp_path / "offline")
    hidden = mode_fit(mode_run("data_free"), locked(data), tmp_path / "a" / "run")
    seen = mode_fit(mode_run("data_free"), data, tmp_path / "b" / "run")
    assert equal_weights(hidden.network, seen.network)


def test_the_images_are_left_in_the_runs_folder(tmp_path):
    events = []
    result = mode_fit(mode_run("data_free"), tiny_data(), tmp_path / "run", emit=events.append)
    with np.load(tmp_path / "run" / IMAGES) as file:
        assert file["images"].shape == (16, 3, 16, 16)
        assert file["labels"].tolist() == [n % 3 for n in range(16)]
    with Image.open(tmp_path / "run" / SHEET) as page:
        assert page.size == (6 * 17 + 1, 3 * 17 + 1)
    assert result.facts["synthetic"] == 16
    assert 0 <= result.facts["teacher_sure"] <= 1
    # 3 steps and one look at each image, the distances of 16 made and 16 real ones, then two views
    # of all for the stored answers
    assert result.teacher_images == 16 * 4 + 2 * 16 + 2 * 16
    said = [e.msg["id"] for e in events if isinstance(e, Log)]
    assert said[:2] == ["data_free.made", nearness_msg(result.facts).id]
    about = json.loads((tmp_path / "run" / ABOUT).read_text())
    assert about == {name: result.facts[name] for name in about}
    assert about["norm_distance"] > 0 < about["norm_distance_real"]
    assert result.teacher_seconds > 0
    stages = [e.stage for e in events if isinstance(e, Progress)]
    assert stages.index("synthesise") < stages.index("train")


def test_a_teacher_without_batch_norms_is_refused(tmp_path):
    class Plain(nn.Module):
        def forward(self, images):
            return {"logits": torch.zeros(len(images), 3)}

    data, run = tiny_data(), mode_run("data_free")
    with pytest.raises(ConfigError) as caught:
        fit(run, data, network(STUDENT, 0, data), folder=tmp_path / "run", cache=tmp_path,
            outside=Outside(teachers={"teacher": Plain()}))  # fmt: skip
    assert caught.value.code == "data_free_no_norms"
