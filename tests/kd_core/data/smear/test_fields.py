import json

import numpy as np
import pytest

from kd_core.data.smear.fields import Field, render_field
from kd_core.data.smear.optics import FIELD_PX_PER_UM
from kd_core.data.smear.patients import CLASSES


@pytest.fixture(scope="module")
def field() -> Field:
    return render_field(5, 0, 2, size_px=(480, 360))


def test_a_field_is_the_same_every_time(field):
    again = render_field(5, 0, 2, size_px=(480, 360))
    np.testing.assert_array_equal(field.image, again.image)
    assert field.truth() == again.truth()


def test_truth_is_where_the_cells_are(field):
    grey = field.image.astype(float).mean(axis=2)
    empty = np.percentile(grey, 98)
    whole = [cell for cell in field.truth()["cells"] if not cell["cut_by_edge"]]
    assert len(whole) > 5
    for cell in whole:
        x, y, inner = cell["x"], cell["y"], cell["radius"] / 2.0
        rows, columns = (slice(int(c - inner), int(c + inner)) for c in (y, x))
        assert grey[rows, columns].mean() < empty - 8.0


def test_truth_is_json_with_known_classes_and_sizes(field):
    truth = json.loads(json.dumps(field.truth()))
    assert truth["synthetic"] is True
    assert (truth["width"], truth["height"]) == (480, 360)
    assert truth["crop_window_px"] == 80
    assert {cell["class"] for cell in truth["cells"]} <= set(CLASSES)
    radii = np.array([cell["radius"] for cell in truth["cells"]]) / FIELD_PX_PER_UM
    assert ((radii > 2.6) & (radii < 4.6)).all()


def test_cells_at_the_edge_are_marked(field):
    for cell in field.truth()["cells"]:
        margin = min(cell["x"], cell["y"], 480 - cell["x"], 360 - cell["y"])
        assert cell["cut_by_edge"] == (margin < cell["radius"]) or abs(margin - cell["radius"]) < 1
