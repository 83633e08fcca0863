import numpy as np
import pytest

from kd_core.errors import DataError, JobError
from kd_core.explain import familiar
from kd_core.explain.familiar import FLAGGED, fit
from tests.helpers_data import tiny_data

RNG = np.random.default_rng(0)


def features(images):
    """Rows and columns of the brightness: what a network might see; (n, 32)."""
    grey = images.mean(1)
    return np.concatenate([grey.mean(1), grey.mean(2)], axis=1).astype(np.float32)


@pytest.fixture(scope="module", params=["classification", "multilabel"])
def fitted(request):
    data = tiny_data(request.param, n=1200)
    return data, fit(data, features)


def judged(fitted, images):
    return fitted[1].judge(images, features(images))


def test_one_validation_image_in_twenty_is_flagged(fitted):
    found = judged(fitted, fitted[0].parts["val"].images)
    flagged = np.mean([not one.familiar for one in found])
    assert flagged == pytest.approx(FLAGGED, abs=0.01)


def test_about_as_many_of_the_test_images(fitted):
    found = judged(fitted, fitted[0].parts["test"].images)
    assert np.mean([not one.familiar for one in found]) < 0.12


def test_other_images_are_flagged_with_their_figures(fitted):
    usual = fitted[0].parts["test"].images[:50]
    others = {
        "inverted": 255 - usual,
        "grey": usual[:, :1].repeat(3, axis=1),
        "blurred": usual.reshape(50, 3, 4, 4, 4, 4).mean((3, 5)).repeat(4, 2).repeat(4, 3),
        "noise": RNG.integers(0, 256, usual.shape),
    }
    for name, images in others.items():
        found = judged(fitted, images.astype(np.uint8))
        assert np.mean([not one.familiar for one in found]) > 0.9, name
    (finding,) = [one for one in judged(fitted, others["grey"])[0].findings if "looks" in one.id]
    assert finding.params["share"] > 0.95
    what = finding.params["what"]
    assert what.id in ("familiar.look.red_green", "familiar.look.green_blue")
    assert what.params["value"] == 0
    assert 0 < what.params["low"] < what.params["high"]


def test_what_the_network_has_not_seen_is_flagged_where_looks_are_usual():
    data = tiny_data(n=1200)
    made = fit(data, features)
    usual = data.parts["test"].images[:50]
    turned = np.rot90(usual, axes=(2, 3))  # the bar stands upright; no figure of looks changes
    found = made.judge(turned, features(turned))
    assert np.mean([one.seen > made.limit for one in found]) > 0.9
    assert np.mean([one.looks > made.limit for one in found]) < 0.2
    assert "familiar.seen" in [finding.id for finding in found[0].findings]


def test_a_distance_by_hand():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(500, 3)) @ np.array([[2, 0, 0], [1, 1, 0], [0, 0, 3]])
    covariance = np.cov(values.T, bias=False)
    precision = familiar._precision(values - values.mean(0), 1)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 3 * np.eye(3)
    assert np.allclose(precision, np.linalg.inv(shrunk))
    away = values[0] - values.mean(0)
    (found,) = familiar._distance(values[:1], values.mean(0)[None], precision)
    assert found == pytest.approx(away @ precision @ away)


def test_many_features_are_projected():
    data = tiny_data(n=90)
    wide = lambda images: images.reshape(len(images), -1).astype(np.float32)  # noqa: E731
    made = fit(data, wide)
    assert made.axes.shape == (768, 30)
    assert len(made.judge(data.parts["val"].images[:4], wide(data.parts["val"].images[:4]))) == 4


def test_too_few_images():
    with pytest.raises(DataError, match="familiar_few"):
        fit(tiny_data(n=24), features)


def test_progress_and_stopping():
    calls = []
    fit(tiny_data(n=100), features, lambda *call: calls.append(call))
    assert calls == [(64, 150), (100, 150), (150, 150)]
    with pytest.raises(JobError, match="explain_stopped"):
        fit(tiny_data(n=100), features, lambda done, total: False)
