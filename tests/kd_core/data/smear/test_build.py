import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kd_core.data.smear import build
from kd_core.data.smear.crops import PLANS, Plan, make_crops, patient_crops
from kd_core.data.smear.fields import render_field
from kd_core.errors import DataError

SAMPLE = Path(build.__file__).parents[3] / "sample_data"


@pytest.fixture
def small_sample(monkeypatch):
    def render():
        plans = tuple((name, Plan(1, 3)) for name in PLANS)
        fields = {"field_1": render_field(build.SEED, 0, 0, size_px=(120, 90))}
        return build.crop_arrays(make_crops(build.SEED, plans)), fields

    monkeypatch.setattr(build, "render", render)


def test_what_was_written_is_found_equal(small_sample, tmp_path):
    build.write(tmp_path)
    build.check(tmp_path)
    with np.load(tmp_path / "smear.npz", allow_pickle=False) as arrays:
        assert arrays["images"].shape == (9, 40, 40, 3)
        assert arrays["part"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_changed_array_is_found(small_sample, tmp_path):
    build.write(tmp_path)
    with np.load(tmp_path / "smear.npz") as stored:
        arrays = dict(stored)
    arrays["labels"] = arrays["labels"][::-1]
    np.savez_compressed(tmp_path / "smear.npz", **arrays)
    with pytest.raises(DataError) as caught:
        build.check(tmp_path)
    assert caught.value.fields["name"] == "smear.npz: labels"


def test_a_changed_record_or_truth_is_found(small_sample, tmp_path):
    build.write(tmp_path)
    truth = tmp_path / "fields" / "field_1.json"
    original = truth.read_text()
    truth.write_text(original.replace('"synthetic": true', '"synthetic": false'))
    with pytest.raises(DataError) as caught:
        build.check(tmp_path)
    assert caught.value.fields["name"] == "fields/field_1.json"
    truth.write_text(original)
    record = json.loads((tmp_path / "smear.json").read_text())
    (tmp_path / "smear.json").write_text(json.dumps(record | {"seed": 99}))
    with pytest.raises(DataError) as caught:
        build.check(tmp_path)
    assert caught.value.fields["name"] == "smear.json: seed"


def test_the_stored_arrays_have_the_stored_hashes():
    record = json.loads((SAMPLE / "smear.json").read_text())
    assert record["generator_version"] == build.GENERATOR_VERSION
    with np.load(SAMPLE / "smear.npz", allow_pickle=False) as stored:
        assert {name: build.array_hash(stored[name]) for name in stored} == record["arrays"]


@pytest.mark.parametrize("part", PLANS)
def test_the_generator_still_makes_the_stored_crops(part):
    """The first crops of one patient of each part; ``--check`` compares all of them."""
    with np.load(SAMPLE / "smear.npz", allow_pickle=False) as stored:
        names = sorted(set(stored["patient"][stored["part"] == list(PLANS).index(part)]))
        rows = np.flatnonzero(stored["patient"] == names[-1])[:4]
        _, images, labels, _ = patient_crops(build.SEED, int(names[-1][1:]), 4)
        np.testing.assert_array_equal(np.stack(images), stored["images"][rows])
        assert labels == stored["labels"][rows].tolist()


def test_the_stored_sample_is_as_described():
    with np.load(SAMPLE / "smear.npz", allow_pickle=False) as stored:
        labels, part, patient = (stored[key] for key in ("labels", "part", "patient"))
        assert stored["images"].shape == (5040, 40, 40, 3)
    assert np.bincount(part).tolist() == [3000, 600, 1440]
    parts = [set(patient[part == k]) for k in range(3)]
    assert [len(names) for names in parts] == [40, 10, 24]
    assert len(set.union(*parts)) == 74
    for k in range(3):
        assert np.bincount(labels[part == k], minlength=5).min() >= 60


def test_the_stored_fields_fit_their_truth():
    files = sorted((SAMPLE / "fields").glob("*.json"))
    assert len(files) >= 3
    for file in files:
        truth = json.loads(file.read_text())
        with Image.open(file.with_suffix(".jpg")) as image:
            assert image.size == (truth["width"], truth["height"]) == (1600, 1200)
        assert {cell["class"] for cell in truth["cells"]} == set(truth["classes"])
        assert file.with_suffix(".jpg").stat().st_size < 2_000_000
