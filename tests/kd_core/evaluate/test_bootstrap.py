import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from kd_core.evaluate import bootstrap
from kd_core.evaluate.bootstrap import (
    area_interval,
    draws,
    interval,
    n_sides,
    share_interval,
    two_sided,
    units,
    unseen,
    weightings,
    widened,
)


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


@pytest.mark.parametrize(("n", "right"), [(300, 298), (50, 45), (1000, 500)])
def test_a_share_of_independent_images_has_wilsons_interval(n, right) -> None:
    rng, share = np.random.default_rng(0), right / n
    repeats = rng.binomial(n, share, 200_000) / n
    low, high = share_interval(share, repeats, n)
    theirs = proportion_confint(right, n, method="wilson")
    # t for z, and n − 1 for n, make it a little wider
    assert (low, high) == pytest.approx(theirs, abs=0.05 * (theirs[1] - theirs[0]))
    assert low < theirs[0]


def test_patients_count_as_fewer_images_and_ends_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    alike = rng.binomial(50, 0.95, 5000) / 50
    alone = rng.binomial(400, 0.95, 5000) / 400
    wide, narrow = share_interval(0.95, alike, 50), share_interval(0.95, alone, 400)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    assert 0 < wide[0] < 0.95 < wide[1] < 1
    assert share_interval(1.0, np.ones(50), 50) == (1.0, 1.0)
    assert np.isnan(share_interval(0.9, np.full(50, np.nan), 50)[0])


def test_few_units_widen_a_difference_and_many_do_not() -> None:
    drawn = np.random.default_rng(0).normal(0.1, 0.02, 1000)
    wide, same = widened(0.1, drawn, 10), widened(0.1, drawn, 100_000)
    np.testing.assert_allclose(wide.std() / drawn.std(), 2.2622 / 1.96 * np.sqrt(10 / 9), rtol=1e-3)
    np.testing.assert_allclose(same, drawn, atol=1e-5)
    assert widened(0.1, drawn, 1) is drawn


def test_p_is_twice_the_smaller_side() -> None:
    assert two_sided(np.array([-1.0, 1.0, 2.0, 3.0, 4.0] * 20)) == pytest.approx(2 * 21 / 101)
    assert two_sided(np.ones(99)) == pytest.approx(0.02)
    assert np.isnan(two_sided(np.full(9, np.nan)))


def test_sides_are_counted_in_units() -> None:
    targets = np.array([[1, 0], [1, np.nan], [0, 0]])
    with_it, without = n_sides(targets, 2, np.array([0, 0, 1]))
    assert with_it.tolist() == [1, 0]
    assert without.tolist() == [1, 2]


def test_the_interval_of_an_area_reaches_further_towards_the_middle() -> None:
    drawn = np.random.default_rng(0).normal(0.97, 0.01, 4000)
    low, high = area_interval(0.97, drawn, 400)
    assert 0.97 - low > 1.5 * (high - 0.97)
    assert high < 1
    wide = area_interval(0.97, drawn, 10)
    assert wide[0] < low < high < wide[1] < 1
    assert np.isnan(area_interval(0.97, np.full(9, np.nan), 400)[0])
