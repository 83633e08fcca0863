from dataclasses import fields

import numpy as np
import pytest

from kd_core.data import cache
from kd_core.data.library import Library
from kd_core.explain.familiar_cache import load_or_fit, usual_shapes
from tests.helpers_data import tiny_data


def features(images):
    return images.mean((2, 3)).astype(np.float32)


def test_a_fit_is_made_once(tmp_path):
    data, calls = tiny_data(n=60), []

    def tick(done, total):
        calls.append(done)

    first = load_or_fit(data, features, "a" * 64, tmp_path, tick)
    n = len(calls)
    again = load_or_fit(data, features, "a" * 64, tmp_path, tick)
    assert len(calls) == n > 0
    for item in fields(first):
        assert np.array_equal(getattr(first, item.name), getattr(again, item.name)), item.name
    load_or_fit(data, features, "b" * 64, tmp_path, tick)
    assert len(calls) == 2 * n  # another model, another fit


def test_a_fit_goes_with_its_data(tmp_path):
    data = tiny_data(n=60)
    load_or_fit(data, features, "a" * 64, tmp_path)
    assert list(tmp_path.rglob("familiar-*.npz"))
    cache.drop(tmp_path, data.hash)
    assert not list(tmp_path.rglob("familiar-*.npz"))


@pytest.mark.parametrize("left", [0, 200])
def test_a_fit_that_was_cut_short_is_made_anew(tmp_path, left):
    data = tiny_data(n=60)
    made = load_or_fit(data, features, "a" * 64, tmp_path)
    (path,) = tmp_path.rglob("familiar-*.npz")
    path.write_bytes(path.read_bytes()[:left])
    assert load_or_fit(data, features, "a" * 64, tmp_path).limit == made.limit


def test_the_sizes_that_images_came_with(tmp_path):
    shapes = usual_shapes(Library(tmp_path).get("sample"))
    assert set(shapes) == {(40, 40)}
    assert len(shapes) == 32
