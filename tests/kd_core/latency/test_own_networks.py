import zlib

import numpy as np

from kd_core.export.onnx_model import OnnxModel
from kd_core.latency.golden import golden_pixels
from kd_core.latency.own_networks import (
    CLASSES,
    NETWORKS,
    CalibrationNetwork,
    calibration_files,
    draw_weights,
)
from kd_core.models import MODELS
from kd_core.models.build import build_model

TINY = (CalibrationNetwork("tiny_cnn", 16, {"width": 4, "depth": 1}),)


def test_ten_networks_of_different_kinds_and_sizes():
    assert len({network.name for network in NETWORKS}) == 10
    assert all(network.model in MODELS for network in NETWORKS)
    assert {network.size for network in NETWORKS} >= {32, 64, 96, 128, 160}
    for network in NETWORKS:
        MODELS[network.model].check(network.params)


def test_a_network_is_exported_once_and_kept(tmp_path):
    steps = []
    (path,) = calibration_files(tmp_path, TINY, lambda *step: steps.append(step)).values()
    assert steps == [(0, 1), (1, 1)]
    made = path.stat().st_mtime_ns
    assert calibration_files(tmp_path, TINY) == {"tiny_cnn@16": path}
    assert path.stat().st_mtime_ns == made
    model = OnnxModel(path)
    assert (model.contract.size, model.contract.classes) == (16, CLASSES)
    answers = model.predict_uint8(golden_pixels(3, 16, 3))["logits"]
    assert np.isfinite(answers).all()
    assert np.ptp(answers, axis=0).max() > 1e-4  # they depend on the image


def test_weights_are_drawn_and_yet_take_little_room():
    from kd_core.config import ModelSettings

    model = build_model(ModelSettings(name="mobilenet_v2"), 5, 3, 64, 0)
    draw_weights(model)
    weight = max(model.parameters(), key=lambda value: value.numel()).detach().numpy()
    assert len(np.unique(weight.reshape(len(weight), -1), axis=0)) == len(weight)
    assert len(zlib.compress(weight.tobytes())) < 0.1 * weight.nbytes
