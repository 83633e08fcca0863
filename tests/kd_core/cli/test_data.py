import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from kd_core.cli import data, main
from kd_core.cli.data import parse_options
from kd_core.data.library import Library
from kd_core.data.public import PUBLIC_SETS
from kd_core.errors import ConfigError
from tests.helpers_data import tiny_images, write_folder


@pytest.fixture
def folder(tmp_path):
    images, labels = tiny_images(48)
    write_folder(tmp_path / "cells", images, labels)
    return tmp_path / "cells"


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_imported(folder, home, capsys):
    told = answer(capsys, "import", folder, "--name", "cells")
    dataset = Library(home).get("cells")
    assert told["ok"]
    assert told["images"] == len(dataset) == 48
    assert told["dataset"]["hash"] == dataset.hash
    assert sum(told["parts"].values()) == 48
    assert sum(sum(parts.values()) for parts in told["counts"].values()) == 48


def test_for_a_person_it_says_what_was_stored(folder, capsys):
    assert main(["import", str(folder), "--name", "cells"]) == 0
    out = capsys.readouterr().out
    assert "cells is stored: 48 images" in out


def test_a_zip_gives_the_same_data_and_leaves_nothing_behind(folder, home, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder.parent))
    zipped = answer(capsys, "import", tmp_path / "cells.zip", "--name", "zipped")
    plain = answer(capsys, "import", folder, "--name", "plain")
    assert zipped["dataset"]["hash"] == plain["dataset"]["hash"]
    assert list((home / "uploads").iterdir()) == []


def test_an_npz_is_not_taken_for_a_zip(tmp_path, home, capsys):
    images, labels = tiny_images(60, size=28)
    parts = {"train": slice(0, 30), "val": slice(30, 45), "test": slice(45, 60)}
    arrays = {f"{part}_images": images[rows] for part, rows in parts.items()}
    arrays |= {f"{part}_labels": labels[rows][:, None] for part, rows in parts.items()}
    np.savez(tmp_path / "tiny.npz", **arrays)
    told = answer(capsys, "import", tmp_path / "tiny.npz", "--name", "tiny")
    assert told["parts"] == {"train": 30, "val": 15, "test": 15}


def test_options_reach_the_source(folder, capsys):
    told = answer(
        capsys, "import", folder, "--name", "c", "--option", "test_share=0.5", "--option",
        "split_seed=4",
    )  # fmt: skip
    assert told["dataset"]["options"]["test_share"] == 0.5
    assert told["parts"]["test"] == pytest.approx(24, abs=3)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--option", "nonsense"], "option_form"),
        (["--option", "colour_of_the_sky=1"], "param_unknown"),
        (["--option", "test_share=7"], "param_range"),
        (["--source", "nothing"], "entry_unknown"),
    ],
)
def test_wrong_options_are_said_and_nothing_is_stored(folder, home, capsys, arguments, code):
    told = answer(capsys, "import", folder, "--name", "cells", *arguments, code=1)
    assert told["error"]["code"] == code
    assert "cells" not in Library(home)


def test_a_name_that_is_taken_by_other_data_is_refused(folder, tmp_path, capsys):
    answer(capsys, "import", folder, "--name", "cells")
    images, labels = tiny_images(30, seed=1)
    write_folder(tmp_path / "other", images, labels)
    told = answer(capsys, "import", tmp_path / "other", "--name", "cells", code=1)
    assert told["error"]["code"] == "dataset_exists"


def test_what_cannot_be_read_is_listed(folder, capsys):
    broken = next(folder.rglob("*.png")).with_name("broken.png")
    broken.write_text("this is no image")
    told = answer(capsys, "import", folder, "--name", "cells")
    assert [name for name in told["unreadable"] if name.endswith("broken.png")]
    assert told["images"] == 48


def test_the_doctor_examines_a_path_and_a_name_alike(folder, capsys):
    duplicate = next((folder).rglob("*.png"))
    other = next(path for path in folder.iterdir() if path != duplicate.parent)
    shutil.copy(duplicate, other / "copy.png")
    by_path = answer(capsys, "doctor", folder)
    answer(capsys, "import", folder, "--name", "cells")
    by_name = answer(capsys, "doctor", "cells")
    assert by_path["hash"] == by_name["hash"]
    assert by_path["findings"] == by_name["findings"]
    assert {finding["severity"] for finding in by_path["findings"]} - {"ok"}
    assert all(finding["message"] for finding in by_path["findings"])


def test_the_doctor_speaks_to_a_person(folder, capsys):
    assert main(["doctor", str(folder)]) == 0
    assert "finding." not in capsys.readouterr().out


def test_an_unknown_data_set_is_said(capsys):
    assert answer(capsys, "doctor", "nowhere", code=1)["error"]["code"] == "path_missing"


def test_fetch_without_names_lists_what_there_is(capsys):
    told = answer(capsys, "fetch")
    assert told["fetched"] == []
    assert told["sets"] == list(PUBLIC_SETS.names())
    assert "resnet18" in told["weights"]
    assert main(["fetch"]) == 0
    assert "bloodmnist" in capsys.readouterr().out


def test_fetch_takes_weights_and_sets(folder, home, monkeypatch, tmp_path, capsys):
    fetched = []
    monkeypatch.setattr(
        "kd_core.models.weights.fetch_imagenet", lambda name, *_: fetched.append(name)
    )
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    monkeypatch.setattr(
        "kd_core.data.public.download_set", lambda name, root, progress: tmp_path / "set.zip"
    )
    assert archive
    entry = replace(PUBLIC_SETS["nih_malaria_cells"], patient_pattern="")
    monkeypatch.setitem(PUBLIC_SETS._entries, "tiny_set", entry)
    told = answer(capsys, "fetch", "resnet18", "tiny_set")
    assert told["fetched"] == ["resnet18", "tiny_set"]
    assert fetched == ["resnet18"]
    info = Library(home).info("tiny_set")
    assert info.licence == entry.licence
    assert info.citation
    fetched.clear()
    assert answer(capsys, "fetch", data.ALL_WEIGHTS)["fetched"] == fetched


def test_fetch_knows_what_it_can(capsys):
    told = answer(capsys, "fetch", "resnet18", "unheard_of", code=1)
    assert told["error"]["code"] == "fetch_unknown"


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=1", 1), ("a=0.5", 0.5), ("a=true", True), ("a=x=y", "x=y"), ("a=", ""), ("a=^P", "^P")],
)
def test_values_are_json_where_they_can_be(text, value):
    assert parse_options([text]) == {"a": value}


@pytest.mark.parametrize("text", ["a", "=1", ""])
def test_an_option_needs_name_and_value(text):
    with pytest.raises(ConfigError):
        parse_options([text])
