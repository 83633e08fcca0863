import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from kd_core.data.doctor import probe as module
from kd_core.data.doctor.probe import class_aucs, frame_features, probe, whole_features
from tests.kd_core.data.doctor.conftest import make_part, smooth_images

ROWS = np.arange(6)


def features(of, images):
    return of(make_part(images, np.zeros(len(images), int)), np.arange(len(images)))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_frame_does_not_see_the_inside(channels):
    images = smooth_images(6, channels=channels)
    inside, outside = images.copy(), images.copy()
    inside[:, :, 4:-4, 4:-4] = 7
    outside[:, :, 3, 30] ^= 255
    np.testing.assert_array_equal(
        features(frame_features, images), features(frame_features, inside)
    )
    assert (features(frame_features, images) != features(frame_features, outside)).any(1).all()
    assert (features(whole_features, images) != features(whole_features, inside)).any(1).all()


@pytest.mark.parametrize("at", [(0, 20), (63, 20), (20, 0), (20, 63)])
def test_the_frame_has_four_sides(at):
    images = smooth_images(2)
    changed = images.copy()
    changed[:, :, at[0], at[1]] ^= 255
    assert (features(frame_features, images) != features(frame_features, changed)).any(1).all()


def test_features_do_not_depend_on_the_chunk(monkeypatch):
    images = smooth_images(7)
    whole = features(whole_features, images)
    monkeypatch.setattr(module, "_CHUNK", 3)
    np.testing.assert_array_equal(whole, features(whole_features, images))


def test_features_are_shares_and_grey_levels():
    flat = np.full((1, 1, 64, 64), 51, np.uint8)
    row = features(whole_features, flat)[0]
    np.testing.assert_allclose(row[:256], 0.2)  # the coarse picture
    np.testing.assert_array_equal(row[256:], np.eye(16)[51 * 16 // 256])


def test_aucs_agree_with_scikit_learn_and_skip_what_is_unknown():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 3)).astype(np.float32)
    scores = rng.random((60, 3))
    labels[:5, 1] = np.nan
    labels[:, 2] = 0
    labels[:9, 2] = 1
    aucs = class_aucs(labels, scores)
    assert aucs[0] == roc_auc_score(labels[:, 0], scores[:, 0])
    assert aucs[1] == roc_auc_score(labels[5:, 1], scores[5:, 1])
    assert np.isnan(aucs[2])  # nine cases are too few


def test_a_probe_learns_what_can_be_learnt():
    rng = np.random.default_rng(0)
    labels = np.eye(3, dtype=np.float32)[np.arange(300) % 3]
    x = rng.normal(size=(300, 5)).astype(np.float32)
    x[:, :3] += 2 * labels
    result = probe(x[:150], labels[:150], x[150:], labels[150:])
    assert (result.auc > 0.85).all()
    assert (result.linear_auc > 0.85).all()
    assert 0.7 < result.linear_accuracy < 1
    assert result.images == 150
    noise = probe(x[:150, 3:], labels[:150], x[150:, 3:], labels[150:])
    assert (np.abs(noise.auc - 0.5) < 0.15).all()


def test_one_label_is_a_column():
    x = np.arange(80, dtype=np.float32)[:, None]
    labels = (x > 40).astype(np.float32)
    result = probe(x[::2], labels[::2], x[1::2], labels[1::2])
    assert result.auc == pytest.approx(1)
    assert np.isnan(result.accuracy)  # not one class an image


def test_accuracy_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    truth, scores = rng.integers(0, 3, 90), rng.random((90, 3))
    ours = module._balanced_accuracy(np.eye(3, dtype=np.float32)[truth], scores)
    assert ours == pytest.approx(balanced_accuracy_score(truth, scores.argmax(1)))
