import numpy as np
import pytest

from kd_core.lessons.maps import Features, Levels, Stage, read, write


def test_a_map_is_off_by_half_a_level_at_most():
    values = np.random.default_rng(0).normal(size=(3, 4, 6, 6))
    kept = Levels.of(values)
    for i in range(3):
        for j in range(4):
            span = values[i, j].max() - values[i, j].min()
            assert np.abs(kept.at(i, j) - values[i, j]).max() <= span / 510 + 1e-6


def test_a_map_of_one_value_stays():
    assert Levels.of(np.full((2, 2), 7.0)).at() == pytest.approx(np.full((2, 2), 7.0))


def test_what_is_written_is_read(tmp_path):
    stage = Stage("layer1", "stem", (8, 4), 5, 5, (1, 3), ((0, 1), (2, 3)), ((0.1, 1), (2, 3)), 0.5)
    maps = Levels.of(np.random.default_rng(1).random((2, 2, 5, 5)))
    found = Features(
        metric="accuracy",
        scores=(0.5, None),
        mse=((1.0,), (0.25,)),
        steps=3,
        train_images=40,
        read=10,
        images=(4, 9),
        stages=(stage,),
        teacher=(maps,),
        projected=(maps,),
        own=(maps,),
    )
    write(found, tmp_path)
    again = read(tmp_path)
    assert (again.stages, again.mse, again.scores) == (found.stages, found.mse, found.scores)
    np.testing.assert_array_equal(again.projected[0].levels, maps.levels)
    np.testing.assert_array_equal(again.own[0].ranges, maps.ranges)
