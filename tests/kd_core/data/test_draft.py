import numpy as np
import pytest
from PIL import Image

from kd_core.data.draft import draft
from kd_core.errors import ConfigError, DataError
from tests.helpers_data import tiny_images, write_folder, write_npz


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "cells", *tiny_images(60))


def tree(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_a_draft_says_everything_and_writes_nothing(folder):
    before = tree(folder)
    made = draft(folder)
    data = made.dataset
    assert tree(folder) == before
    assert made.split == "made"
    assert data.part_sizes == {"train": 42, "val": 9, "test": 9}
    assert data.info.source == "image_folder"
    assert data.info.options["split_seed"] == 0
    assert data.augment == "generic"
    assert made.summary() == {
        "images": 60,
        "width": (16, 16.0, 16),
        "height": (16, 16.0, 16),
        "bits": {8: 60},
        "grey": 0,
        "low": 0.0,
        "high": made.summary()["high"],
        "windowed": 0,
    }
    assert list(data.table["part"]) == ["train"] * 42 + ["val"] * 9 + ["test"] * 9
    ids = data.table["id"][:42].tolist()
    assert ids == sorted(ids)


def test_examples_are_spread_over_the_classes(folder):
    examples = draft(folder).examples(each=2)
    assert [name for _, name, _ in examples] == ["class0"] * 2 + ["class1"] * 2 + ["class2"] * 2
    assert all(i.startswith(name) for i, name, _ in examples)
    assert examples[0][2].shape == (16, 16, 3)


def test_unreadable_images_are_listed_and_left_out(folder):
    (folder / "class0" / "0000.png").write_text("no image")
    whole = (folder / "class1" / "0001.png").read_bytes()
    (folder / "class1" / "0001.png").write_bytes(whole[: len(whole) // 2])
    made = draft(folder)
    assert set(made.unreadable) == {"class0/0000.png", "class1/0001.png"}
    assert made.unreadable["class0/0000.png"].id == "error.image_format"
    assert made.dataset.info.unreadable == ("class0/0000.png", "class1/0001.png")
    assert len(made.dataset) == len(made.dataset.images) == 58
    assert all(made.dataset.read(i).shape == (16, 16, 3) for i in range(58))


def test_nothing_readable_is_an_error_that_says_why(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text("no image")
    with pytest.raises(DataError, match="nothing_readable") as caught:
        draft(tmp_path)
    assert caught.value.fields["first"]["id"] == "error.image_format"


def test_a_class_with_one_image_is_refused_unless_it_is_only_tested(folder):
    (folder / "rare").mkdir()
    Image.new("RGB", (16, 16)).save(folder / "rare" / "1.png")
    with pytest.raises(DataError, match="class_one_image") as caught:
        draft(folder)
    assert caught.value.fields["name"] == "rare"
    assert draft(folder, split="test_only").dataset.part_sizes == {"test": 61}


def test_a_pattern_keeps_patients_together(folder):
    # 0000 … 0059: six patients by tens
    made = draft(folder, patient_pattern=r"^\d\d(\d)", val_share=0.2, test_share=0.2)
    parts = made.dataset.table.groupby("patient")["part"].nunique()
    assert len(parts) == 6
    assert set(parts) == {1}


def test_names_that_a_pattern_does_not_fit_are_told(folder):
    (note,) = draft(folder, patient_pattern=r"^\d\d([0-4])").notes
    assert note.id == "data.note.patients_partly"
    assert note.params == {"n": 10, "images": 60, "names": ["0051.png", "0054.png"]}
    assert not draft(folder, patient_pattern=r"^\d\d(\d)").notes


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("(", "pattern_invalid"),
        ("(a)" * 99, "pattern_invalid"),
        (r"\d+", "pattern_no_group"),
        ("^(C)", "pattern_no_match"),
    ],
)
def test_bad_patterns(folder, pattern, code):
    with pytest.raises(DataError, match=code):
        draft(folder, patient_pattern=pattern)


def test_copies_without_a_patient_stay_in_one_part(tmp_path):
    images, labels = tiny_images(60, classes=2)
    images[30:] = images[:30]
    labels[30:] = labels[:30]
    made = draft(write_folder(tmp_path, images, labels))
    assert set(made.dataset.table.groupby("sha256")["part"].nunique()) == {1}


def test_grey_stays_grey(tmp_path):
    images, labels = tiny_images(30, channels=1)
    grey = write_folder(tmp_path / "grey", images, labels)
    colour = write_folder(tmp_path / "colour", np.repeat(images, 3, axis=3), labels)
    assert draft(grey).dataset.channels == 1
    stored_as_colour = draft(colour).dataset
    assert stored_as_colour.channels == 1
    assert stored_as_colour.read(0).shape == (16, 16, 1)
    assert draft(grey, channels="colour").dataset.read(0).shape == (16, 16, 3)


def test_given_parts_are_kept_or_completed(tmp_path):
    labels = np.arange(60) % 3
    given = draft(write_npz(tmp_path / "a.npz", dict.fromkeys(("train", "val", "test"), labels)))
    assert given.split == "given"
    made = draft(write_npz(tmp_path / "b.npz", {"train": labels, "test": labels}))
    assert made.split == "completed"
    assert made.dataset.part_sizes == {"train": 51, "val": 9, "test": 60}
    new = draft(tmp_path / "a.npz", split="new")
    assert new.split == "made"
    assert new.dataset.part_sizes == {"train": 126, "val": 27, "test": 27}


def test_the_hash_follows_options_that_change_the_data(folder):
    plain = draft(folder).dataset.hash
    assert draft(folder, augment="none").dataset.hash == plain
    others = [{"split_seed": 1}, {"channels": "grey"}, {"window": "full"}]
    hashes = {draft(folder, **options).dataset.hash for options in others}
    assert len(hashes | {plain}) == 4


def test_an_earlier_look_is_used_again(folder):
    first = draft(folder)
    calls = []
    second = draft(folder, earlier=first, split_seed=5, progress=lambda *c: calls.append(c))
    assert calls == []
    assert second.facts == first.facts
    assert second.dataset.hash == draft(folder, split_seed=5).dataset.hash


def test_unknown_options_are_refused(folder):
    with pytest.raises(ConfigError, match="param_unknown"):
        draft(folder, uncertain="ones")
