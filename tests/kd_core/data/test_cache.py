import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kd_core.data import cache
from kd_core.data.draft import draft
from kd_core.data.images import INTERPOLATION, prepare_image
from kd_core.errors import DataError
from tests.helpers_data import tiny_images, write_folder, write_npz

SIZE = 12


@pytest.fixture
def data(tmp_path):
    root = write_folder(tmp_path / "cells", *tiny_images(30))
    (root / "labels.csv").write_text("file,patient,site\n0000.png,P1,north\n")
    return draft(root).dataset


def test_decoded_images_are_what_prepare_image_makes(data, tmp_path):
    calls = []
    loaded = cache.load(data, SIZE, tmp_path / "cache", lambda *call: calls.append(call))
    assert calls == [(30, 30)]
    row = 0
    for part in ("train", "val", "test"):
        for image, target, name in zip(
            loaded.parts[part].images,
            loaded.parts[part].targets,
            loaded.parts[part].ids,
            strict=True,
        ):
            assert (image == prepare_image(data.read(row), SIZE, 3)).all()
            assert target == data.targets()[row]
            assert name == data.table["id"][row]
            row += 1
    assert row == 30
    assert (loaded.name, loaded.hash, loaded.task) == ("", data.hash, "classification")
    assert loaded.window == data.info.window
    assert (loaded.size, loaded.channels, loaded.interpolation) == (SIZE, 3, INTERPOLATION)


def test_patients_and_groups_come_along(data, tmp_path):
    loaded = cache.load(data, SIZE, tmp_path / "cache")
    table = data.table.set_index("id")
    for part in loaded.parts.values():
        for i, patient, site in zip(part.ids, part.patients, part.groups["site"], strict=True):
            assert patient == (table.loc[i, "patient"] or i)
            assert site == table.loc[i, "group:site"]


def test_mean_and_deviation_are_those_of_the_training_part(data, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_CHUNK_BYTES", 8 * 3 * SIZE * SIZE * 4)  # four images a chunk
    loaded = cache.load(data, SIZE, tmp_path / "cache")
    pixels = loaded.parts["train"].images / 255
    assert loaded.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert loaded.std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-9)


def test_black_images_have_a_deviation_above_zero(tmp_path):
    root = write_folder(tmp_path / "black", np.zeros((9, 8, 8, 1), np.uint8), np.arange(9) % 3)
    made = draft(root, split="test_only")
    assert cache.load(made.dataset, SIZE, tmp_path / "cache").std == (1 / 255,)


def test_nothing_is_decoded_twice(data, tmp_path):
    first = cache.load(data, SIZE, tmp_path / "cache")
    for path in data.images.root.glob("*/*.png"):
        path.unlink()
    calls = []
    again = cache.load(data, SIZE, tmp_path / "cache", lambda *call: calls.append(call))
    assert calls == []
    assert (again.parts["train"].images == first.parts["train"].images).all()
    with pytest.raises(DataError, match="image_missing"):
        cache.load(data, SIZE + 1, tmp_path / "cache")
    assert not cache.cache_folder(tmp_path / "cache", data.hash, SIZE + 1).exists()


def test_a_damaged_cache_is_made_again(data, tmp_path):
    first = cache.load(data, SIZE, tmp_path / "cache")
    expected = first.parts["val"].images.copy()
    del first
    folder = cache.cache_folder(tmp_path / "cache", data.hash, SIZE)
    whole = (folder / "images.npy").read_bytes()
    (folder / "images.npy").write_bytes(whole[:-100])
    assert (cache.load(data, SIZE, tmp_path / "cache").parts["val"].images == expected).all()
    (folder / "stats.json").unlink()
    assert (cache.load(data, SIZE, tmp_path / "cache").parts["val"].images == expected).all()


def test_images_stay_on_disk_until_they_are_used(data, tmp_path):
    images = cache.load(data, SIZE, tmp_path / "cache").parts["train"].images
    assert not images.flags.writeable
    while images.base is not None and not isinstance(images, np.memmap):
        images = images.base
    assert isinstance(images, np.memmap)


def test_an_external_test_set_loads_the_same_way(tmp_path):
    labels = np.array([[1, 0], [0, 1], [1, 1]])
    made = draft(write_npz(tmp_path / "x.npz", {"test": labels}, channels=1))
    loaded = cache.load(made.dataset, SIZE, tmp_path / "cache")
    assert list(loaded.parts) == ["test"]
    assert loaded.parts["test"].targets.dtype == np.float32
    assert loaded.parts["test"].patients is None
    assert len(loaded.mean) == 1


def test_two_at_once_decode_only_once(data, tmp_path):
    calls = []
    start = threading.Barrier(2)

    def load(_):
        start.wait()
        return cache.load(data, SIZE, tmp_path / "cache", lambda *call: calls.append(call))

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(load, range(2))
    assert (one.parts["train"].images == two.parts["train"].images).all()
    assert calls == [(30, 30)]


def test_drop_frees_all_sizes(data, tmp_path):
    for size in (8, 10):
        cache.load(data, size, tmp_path / "cache")
    assert cache.drop(tmp_path / "cache", data.hash) > 30 * 3 * (8 * 8 + 10 * 10)
    assert not list((tmp_path / "cache" / "decoded").iterdir())
    assert cache.drop(tmp_path / "cache", data.hash) == 0
