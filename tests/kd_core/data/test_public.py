import hashlib
import os
import re
from pathlib import Path

import pytest

from kd_core.data import public
from kd_core.data.public import PUBLIC_SETS, download_set
from kd_core.data.sources import SOURCES
from kd_core.errors import ConfigError
from kd_core.text import load_catalogue

REAL = os.environ.get("KDLAB_REAL_DATA", "")
TEXTS = load_catalogue(Path(__file__).parents[3] / "app" / "locale")


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_every_set_says_all_that_a_person_needs(name):
    entry = PUBLIC_SETS[name]
    assert entry.url.startswith("https://")
    assert entry.homepage.startswith("https://")
    assert re.fullmatch("[0-9a-f]{32}", entry.md5) or re.fullmatch("[0-9a-f]{64}", entry.sha256)
    assert entry.licence
    assert "20" in entry.citation
    assert len(set(entry.classes)) == len(entry.classes) >= 2
    assert entry.images > 500
    assert entry.task in ("classification", "multilabel")
    checked = SOURCES[entry.reader].check(entry.options)
    if entry.reader == "npz":
        assert tuple(checked["class_names"].split("; ")) == entry.classes
    for part in ("title", "about"):
        assert PUBLIC_SETS.text_id(name, part) in TEXTS


def test_no_two_sets_share_a_file_or_a_checksum():
    for get in ("file", "url"):
        assert len({getattr(e, get) for _, e in PUBLIC_SETS.items()}) == len(PUBLIC_SETS)
    assert len({e.md5 + e.sha256 for _, e in PUBLIC_SETS.items()}) == len(PUBLIC_SETS)


def test_medmnist_is_there_in_two_sizes():
    sizes = [entry.size for _, entry in PUBLIC_SETS.items() if entry.reader == "npz"]
    assert (sizes.count(28), sizes.count(64)) == (12, 12)


def test_patients_of_the_malaria_cells():
    pattern = PUBLIC_SETS["nih_malaria_cells"].patient_pattern
    for name, patient in (
        ("C39P4thinF_original_IMG_20150622_105335_cell_12.png", "C39"),
        ("C215ThinF_IMG_20151106_133043_cell_119.png", "C215"),
    ):
        assert re.match(pattern, name)[1] == patient


def test_a_set_is_fetched_with_its_checksum(tmp_path, monkeypatch):
    asked = {}

    def fetch(url, to, **options):
        asked.update(options, url=url)
        return to

    monkeypatch.setattr(public, "fetch", fetch)
    assert download_set("breastmnist", tmp_path) == tmp_path / "breastmnist.npz"
    assert asked["md5"] == "750601b1f35ba3300ea97c75c52ff8f6"
    assert asked["size"] == 559_580
    assert asked["url"].startswith("https://zenodo.org/")


def test_a_file_that_is_there_needs_no_network(tmp_path, monkeypatch):
    data = b"not the real set"
    (tmp_path / "breastmnist.npz").write_bytes(data)
    entry = PUBLIC_SETS["breastmnist"]
    same = type(entry)(
        **{**vars(entry), "md5": hashlib.md5(data).hexdigest(), "size_bytes": len(data)}
    )
    monkeypatch.setitem(PUBLIC_SETS._entries, "breastmnist", same)
    assert download_set("breastmnist", tmp_path).read_bytes() == data


def test_an_unknown_set(tmp_path):
    with pytest.raises(ConfigError) as caught:
        download_set("breastmist", tmp_path)
    assert "breastmnist" in caught.value.fields["near"]


@pytest.mark.skipif(not REAL, reason="KDLAB_REAL_DATA is not set")
def test_the_real_file_has_the_published_checksum():
    data = (Path(REAL) / "breastmnist" / "breastmnist.npz").read_bytes()
    entry = PUBLIC_SETS["breastmnist"]
    assert hashlib.md5(data).hexdigest() == entry.md5
    assert len(data) == entry.size_bytes
