import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from kd_core.data import cache, library
from kd_core.data.draft import draft
from kd_core.data.library import Library, check_name
from kd_core.errors import DataError
from tests.helpers_data import tiny_images, write_folder, write_npz


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "cells", *tiny_images(30))


@pytest.fixture
def lib(home, monkeypatch):
    monkeypatch.setattr(library, "SAMPLE_FILE", home / "no-sample.npz")
    return Library(home)


def test_what_was_added_comes_back_without_the_originals(lib, folder):
    made = draft(folder)
    pixels = [made.dataset.read(i) for i in range(30)]
    calls = []
    added = lib.add(
        made, "cells", lambda *call: calls.append(call), title="Cells", licence="CC0", url="x"
    )
    shutil.rmtree(folder)
    data = lib.get("cells")
    assert data == added
    assert (data.title, data.info.licence, data.hash) == ("Cells", "CC0", made.dataset.hash)
    pd.testing.assert_frame_equal(data.table, made.dataset.table)
    assert all((data.read(i) == pixels[i]).all() for i in range(30))
    assert lib.names() == ("cells",)
    assert "cells" in lib
    assert calls[-1] == (30, 30)
    assert lib.disk_bytes("cells") > 0


def test_arrays_are_stored_as_an_array(lib, tmp_path):
    labels = np.arange(9) % 3
    path = write_npz(tmp_path / "a.npz", {"train": labels, "test": labels}, channels=1)
    made = draft(path)
    pixels = made.dataset.read(10)
    data = lib.add(made, "array")
    path.unlink()
    assert (lib.folder / "array" / "images.npy").is_file()
    assert (data.read(10) == pixels).all()


def test_a_taken_name_is_refused_unless_the_data_are_the_same(lib, folder):
    made = draft(folder)
    first = lib.add(made, "cells")
    assert lib.add(made, "cells") == first
    assert lib.add(made, "Cells") == first  # one folder on Windows and macOS
    with pytest.raises(DataError, match="dataset_exists"):
        lib.add(draft(folder, split_seed=1), "cells")
    with pytest.raises(DataError, match="dataset_exists"):
        lib.add(made, "sample")
    assert lib.get("cells") == first


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "con", "spaced name", "x" * 99])
def test_names_that_cannot_be_folders(lib, folder, name):
    with pytest.raises(DataError, match="dataset_name") as caught:
        lib.add(draft(folder), name)
    check_name(caught.value.fields["good"])


def test_a_folder_below_the_data_root_is_not_copied(lib, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("KDLAB_DATA_ROOT", str(tmp_path))
    data = lib.add(draft(folder), "cells")
    assert data.info.place.path == "cells"
    assert not (lib.folder / "cells" / "images").exists()
    assert data.read(0).shape == (16, 16, 3)
    first = data.table["id"].iloc[0]
    shutil.copy(folder / data.table["id"].iloc[1], folder / first)
    with pytest.raises(DataError, match="image_changed"):
        lib.get("cells").read(0)
    monkeypatch.delenv("KDLAB_DATA_ROOT")
    with pytest.raises(DataError, match="image_missing"):
        lib.get("cells").read(1)


def test_an_image_that_changes_after_the_preview_stops_the_copy(lib, folder):
    made = draft(folder)
    (folder / made.dataset.table["id"].iloc[3]).write_bytes(b"other")
    with pytest.raises(DataError, match="image_changed"):
        lib.add(made, "cells")
    assert lib.names() == ()
    assert [path.name for path in lib.folder.iterdir()] == [".add.lock"]


def test_deleting_takes_the_decoded_images_along(lib, folder):
    data = lib.add(draft(folder), "cells")
    lib.add(draft(folder), "same")
    cache.load(data, 16, lib.cache)
    decoded = cache.cache_folder(lib.cache, data.hash, 16)
    assert lib.delete("cells") > 0
    assert decoded.is_dir()  # "same" has the same content
    assert lib.delete("same") > 30 * 16 * 16 * 3
    assert not decoded.exists()
    assert lib.names() == ()
    with pytest.raises(DataError, match="dataset_unknown"):
        lib.delete("cells")


def test_damage_is_told_and_can_be_deleted(lib, folder):
    lib.add(draft(folder), "cells")
    (lib.folder / "cells" / "items.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="dataset_broken"):
        lib.get("cells")
    (lib.folder / "cells" / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="dataset_broken"):
        lib.info("cells")
    lib.delete("cells")
    with pytest.raises(DataError, match="dataset_unknown"):
        lib.get("cells")


def test_two_at_once_add_only_once(lib, folder):
    made = draft(folder)
    calls = []
    start = threading.Barrier(2)

    def add(_):
        start.wait()
        return lib.add(made, "cells", lambda *call: calls.append(call))

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(add, range(2))
    assert one == two
    assert calls == [(30, 30)]


def test_the_sample_is_there_without_being_added(home, monkeypatch, tmp_path):
    images, labels = tiny_images(30, classes=5)
    np.savez(
        tmp_path / "smear.npz",
        images=images,
        labels=labels,
        part=np.repeat(["train", "val", "test"], 10),
        patient=np.repeat(["p0", "p1", "p2"], 10),
        classes=np.array(["healthy", "ring", "trophozoite", "schizont", "confuser"]),
    )
    monkeypatch.setattr(library, "SAMPLE_FILE", tmp_path / "smear.npz")
    library._embedded.cache_clear()
    lib = Library(home)
    assert lib.names() == ("sample", "sample_binary")
    five, two = lib.get("sample"), lib.get("sample_binary")
    assert (five.name, len(five.classes), len(two.classes)) == ("sample", 5, 2)
    assert five.hash != two.hash
    assert five.synthetic
    assert lib.get("sample") is five
    with pytest.raises(DataError, match="dataset_embedded"):
        lib.delete("sample")
    library._embedded.cache_clear()
