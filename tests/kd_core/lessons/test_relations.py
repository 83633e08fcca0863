import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist, squareform

from kd_core.lessons import LESSONS
from kd_core.lessons.relations import show
from kd_core.lessons.vectors import batch_of, vectors
from tests.helpers_lessons import sample_material


def values(**changes):
    material = sample_material()
    return LESSONS["relations"].values(material, changes)


def three(name="distilled"):
    """Vectors of the teacher and of a student for the images of the usual values."""
    material, chosen = sample_material(), values()
    rows = np.array([int(chosen[corner]) for corner in "abc"])
    voices = [material.voice("teacher"), next(v for v in material.voices if v.name == name)]
    batch = batch_of(material)
    places = [batch.tolist().index(row) for row in rows]
    return [vectors(material, voice, batch)[places] for voice in voices]


def cosine_at(x, i, j, k):
    a, b = x[j] - x[i], x[k] - x[i]
    return a @ b / np.sqrt((a @ a) * (b @ b))


def test_triangles_and_losses_by_scipy():
    shown = show(sample_material(), values())
    sides = [pdist(x) / pdist(x).mean() for x in three()]
    turns = [[cosine_at(x, 0, 1, 2), cosine_at(x, 1, 0, 2), cosine_at(x, 2, 0, 1)] for x in three()]
    for model, apart, turned in zip(shown.pictures[1].info.models, sides, turns, strict=True):
        np.testing.assert_allclose(model.sides, apart, atol=1e-5)
        np.testing.assert_allclose(model.degrees, np.degrees(np.arccos(turned)), atol=1e-2)
        corners = np.array(model.corners)
        np.testing.assert_allclose(pdist(corners), apart, atol=1e-4)  # it is that triangle
    d, t = sides[1] - sides[0], np.subtract(*turns)
    assert np.abs(d).max() < 1
    losses = shown.facts[0].params
    assert losses["distance"] == pytest.approx((d**2).sum() / 9, abs=1e-5)
    assert losses["angle"] == pytest.approx((t**2).sum() / 27, abs=1e-5)


def test_the_written_lines_add_up_to_the_losses():
    steps = show(sample_material(), values()).steps
    assert len(steps) == 10
    for first, total, n in ((1, 4, 9), (6, 9, 27)):
        lines = [step.params for step in steps[first : first + 3]]
        for line in lines:
            assert line["difference"] == pytest.approx(line["student"] - line["teacher"])
            assert line["loss"] == pytest.approx(line["difference"] ** 2 / 2, abs=1e-5)
        told = steps[total].params
        assert told["sum"] == pytest.approx(sum(line["loss"] for line in lines), abs=2e-5)
        assert (told["n"], told["loss"]) == (n, pytest.approx(2 * told["sum"] / n, abs=2e-5))


def test_the_batch_by_scipy():
    material = sample_material()
    batch = batch_of(material)
    shown = show(material, values(who="baseline"))
    seen = [vectors(material, material.voice(role), batch) for role in ("teacher", "baseline")]
    info = shown.pictures[0].info
    for matrix, x in zip((info.teacher, info.student), seen, strict=True):
        np.testing.assert_allclose(matrix, 1 - cdist(x, x, "cosine"), atol=1e-9)
    apart = [squareform(pdist(x)) / pdist(x).mean() for x in seen]
    d = np.abs(apart[1] - apart[0])
    huber = np.where(d < 1, d**2 / 2, d - 0.5)
    gram = [x @ x.T / np.linalg.norm(x @ x.T, axis=1, keepdims=True) for x in seen]
    told = shown.facts[1].params
    assert told["distance"] == pytest.approx(huber.mean(), abs=1e-4)
    assert told["similarity"] == pytest.approx(((gram[1] - gram[0]) ** 2).mean(), abs=1e-5)


def test_the_same_image_twice_is_no_triangle():
    chosen = values()
    shown = show(sample_material(), {**chosen, "b": chosen["a"]})
    assert [picture.name for picture in shown.pictures] == ["alike"]
    assert shown.facts[0].id == "lesson.relations.fact.twice"
    assert not shown.steps
