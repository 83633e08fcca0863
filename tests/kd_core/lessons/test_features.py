import json

import numpy as np
import pytest

from kd_core.lessons import LESSONS
from kd_core.lessons.features import fallen, show
from kd_core.lessons.maps import FACTS, MAPS
from tests.helpers_lessons import sample_material

STAGE, CHANNEL, EPOCH = 1, 2, 5


@pytest.fixture(scope="module")
def stored():
    """The files themselves, read without the project."""
    folder = sample_material().made.folder("features")
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    with np.load(folder / MAPS) as arrays:
        return facts, dict(arrays)


def decoded(arrays, name, *place):
    """A map by its levels and its range."""
    levels = arrays[f"{name}_{STAGE}_levels"][place].astype(float)
    low, high = arrays[f"{name}_{STAGE}_ranges"][place]
    return float(low) + levels * (float(high) - float(low)) / 255


def shown(**changes):
    spec, material = LESSONS["features"], sample_material()
    image = material.made["features"].images[3]
    given = {"stage": str(STAGE), "image": str(image), "channel": CHANNEL + 1, "epoch": EPOCH}
    return show(material, spec.values(material, {**given, **changes}))


def test_maps_are_the_stored_ones_and_their_error_is_reckoned_by_hand(stored):
    _, arrays = stored
    info = shown().pictures[0].info
    teacher = decoded(arrays, "teacher", 3, CHANNEL)
    student = decoded(arrays, "projected", EPOCH, 3, CHANNEL)
    np.testing.assert_allclose(info.teacher, teacher, atol=1e-6)
    np.testing.assert_allclose(info.projected, student, atol=1e-6)
    np.testing.assert_allclose(info.own, decoded(arrays, "own", EPOCH, 3, CHANNEL), atol=1e-6)
    np.testing.assert_allclose(info.difference, student - teacher, atol=1e-6)
    of_map = float(((student - teacher) ** 2).mean())
    assert shown().facts[0].params["mse"] == pytest.approx(of_map, rel=5e-3)  # three digits
    place, whole = shown().steps[1].params, shown().steps[2].params
    row, column = np.unravel_index(teacher.argmax(), teacher.shape)
    assert (place["row"], place["column"]) == (row + 1, column + 1)
    assert place["square"] == pytest.approx((student - teacher)[row, column] ** 2, rel=5e-4)
    assert (whole["n"], whole["mse"]) == (teacher.size, pytest.approx(of_map, rel=5e-3))


def test_the_curve_and_what_is_said_of_it_are_the_stored_numbers(stored):
    facts, _ = stored
    curve = shown().pictures[1].info
    np.testing.assert_array_equal(curve.mse, np.array(facts["mse"]).T)
    now, average = facts["mse"][EPOCH][STAGE], facts["stages"][STAGE]["variance"]
    _, epoch, explained = shown().facts
    told = [epoch.params["mse"], epoch.params["first"]]
    assert told == pytest.approx([now, facts["mse"][0][STAGE]], rel=5e-3)
    assert epoch.params["step"] == EPOCH * facts["steps"]
    assert epoch.params["score"] == facts["scores"][EPOCH]
    assert explained.params["share"] == pytest.approx(1 - now / average)
    assert shown(epoch=0).facts[2].id == "lesson.features.fact.average"
    assert fallen(sample_material()) == pytest.approx(
        100 - 100 * facts["mse"][8][2] / facts["mse"][0][2]
    )


def test_the_sample_learned_and_the_stages_match(stored):
    facts, _ = stored
    mse = np.array(facts["mse"])
    assert (mse[-1] < mse[0] / 1.5).all()
    assert [one["cells"] for one in facts["stages"]] == [20, 10, 5]
    material = sample_material()
    counts = np.bincount(material.targets[facts["images"]], minlength=5)
    assert counts.tolist() == [2] * 5
