import numpy as np
import pytest

from kd_core.errors import JobError
from kd_core.explain.occlusion import occlusion

IMAGE = np.full((1, 16, 16), 220, np.uint8)


def test_the_corner_that_is_read_lights_up(corner, share_in_corner):
    found = occlusion(corner, IMAGE, 1)
    assert (found.values.shape, found.method) == ((16, 16), "occlusion")
    assert share_in_corner(found.values) > 0.85
    assert found.values[12:, 12:].max() == 0
    assert occlusion(corner, IMAGE, 0).values.max() == 0  # covering it only helps class 0


def test_a_map_is_in_points_of_probability(corner):
    def probability(image):
        logits = corner.predict_uint8(image[None])["logits"][0]
        return np.exp(logits[1]) / np.exp(logits).sum()

    covered = IMAGE.copy()
    covered[:, :8, :8] = 128
    values = occlusion(corner, IMAGE, 1, patch=8, step=8).values
    assert values[0, 0] == pytest.approx(probability(IMAGE) - probability(covered), abs=1e-6)
    assert values[8:].max() == 0


def test_patches_reach_every_edge(corner):
    calls = []
    occlusion(corner, IMAGE, 1, patch=5, step=4, tick=lambda *call: calls.append(call))
    assert calls == [(16, 16)]  # 0, 4, 8 and 11, each way


def test_stopping(corner):
    with pytest.raises(JobError, match="explain_stopped"):
        occlusion(corner, IMAGE, 1, tick=lambda done, total: False)
