import numpy as np
import pytest

from kd_core.evaluate import bootstrap
from kd_core.evaluate.bootstrap import draws, interval, units, unseen, weightings


def test_images_of_a_patient_are_drawn_together() -> None:
    of_image = units(np.array(["b", "a", "b", "c"]), 4)
    assert of_image.tolist() == [1, 0, 1, 2]
    weights = np.concatenate(list(weightings(of_image, 50, np.random.default_rng(0))))
    assert weights.shape == (50, 4)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(1), np.full(50, 3))


def test_without_patients_each_image_is_its_own_unit() -> None:
    assert units(None, 3).tolist() == [0, 1, 2]


def test_every_unit_is_drawn_once_on_average() -> None:
    counts = draws(20, 4000, np.random.default_rng(0))
    # sd of a mean of 4000 counts of variance about 1: 0.016
    np.testing.assert_allclose(counts.mean(0), 1, atol=0.07)
    assert counts.flags.f_contiguous


def test_chunks_do_not_change_what_is_drawn(monkeypatch) -> None:
    def all_at(chunk: int) -> np.ndarray:
        monkeypatch.setattr(bootstrap, "CHUNK", chunk)
        made = list(weightings(units(None, 10), 25, np.random.default_rng(3)))
        assert len(made) == -(-25 // max(1, chunk // 10))
        return np.concatenate(made)

    np.testing.assert_array_equal(all_at(70), all_at(4000))


def test_an_interval_needs_most_repeats() -> None:
    values = np.arange(100.0)
    values[:8] = np.nan
    assert np.isfinite(interval(values)).all()
    values[:12] = np.nan
    assert np.isnan(interval(values)).all()
    assert np.isnan(interval(np.array([]))).all()


def test_the_fewer_units_the_more_may_be_unseen() -> None:
    own, others = unseen(np.array([0, 0, 0, 0, 1]), 2, np.arange(5))
    assert own == pytest.approx([0.75, 1.0])
    assert others == pytest.approx([1.0, 0.75])
    patients = units(np.array(["p", "p", "q", "r", "s"]), 5)
    assert unseen(np.array([0, 0, 0, 0, 1]), 2, patients)[0] == pytest.approx([1.0, 1.0])
    labels = np.array([[1.0, np.nan]] * 30 + [[0.0, 1.0]] * 60, np.float32)
    own, others = unseen(labels, 2, np.arange(90))
    assert own == pytest.approx([0.1, 0.05])
    assert others == pytest.approx([0.05, 1.0])
