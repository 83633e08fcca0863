import contextlib
import json

import pytest

from kd_core.cli import main
from kd_core.cli.class_prepare import SAMPLE_STUDY, _study
from kd_core.errors import DataError
from kd_core.lessons import open as opening
from kd_core.lessons.material import MATERIALS, MaterialSpec
from kd_core.lessons.open import sample_id
from kd_core.lessons.plan import SETTING, Plan
from kd_core.study.collect import collect
from kd_core.study.people import People
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.text import Msg
from tests.helpers_jobs import run_all, study

NAME = "modes"


def quick(material, folder, progress):
    progress(1, 2)
    (folder / "found.txt").write_text(material.key, encoding="utf-8")
    progress(2, 2)


def broken(material, folder, progress):
    raise DataError("dataset_unknown", name="x", known=[])


@pytest.fixture
def making(monkeypatch, tmp_path):
    """Sets how the material is made; none is shipped."""
    monkeypatch.setattr(opening, "SHIPPED", tmp_path / "nothing")

    def use(make, version=7, unfit=lambda material: None):
        spec = MaterialSpec(
            make=make, read=lambda folder: folder, version=version, minutes=0.1, unfit=unfit
        )
        monkeypatch.setitem(MATERIALS._entries, NAME, spec)

    return use


def prepare(capsys, *more):
    code = main(["class", "prepare", "--json", *more])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == int(not lines[-1]["ok"])
    return lines


def test_one_material_is_made_with_its_progress_line_by_line(home, making, capsys):
    making(quick)
    *steps, answer = prepare(capsys, "--only", NAME)
    found = [(s["progress"]["material"], s["progress"]["done"]) for s in steps]
    assert found == [(NAME, 0), (NAME, 1), (NAME, 2)]
    assert answer["ok"]
    assert answer["study"] == "sample"
    assert [one["made"] for one in answer["materials"]] == [True]
    assert answer["checks"] == answer["lessons"] == []
    file = home / "lessons" / "sample" / f"{NAME}-v7" / "found.txt"
    assert file.read_text(encoding="utf-8") == "sample"


def folders(home):
    """What was made for the sample; a lock may lie beside it."""
    return [path.name for path in (home / "lessons" / "sample").iterdir() if path.is_dir()]


def test_what_is_there_stays_and_an_older_version_is_made_again(home, making, capsys):
    making(quick)
    prepare(capsys, "--only", NAME)
    (answer,) = prepare(capsys, "--only", NAME)
    assert answer["materials"][0]["made"] is False
    making(quick, version=8)
    assert prepare(capsys, "--only", NAME)[-1]["materials"][0]["made"] is True
    assert folders(home) == [f"{NAME}-v8"]


def test_what_cannot_be_made_is_said_with_its_reason_and_leaves_nothing(home, making, capsys):
    making(broken)
    *_, answer = prepare(capsys, "--only", NAME)
    assert not answer["ok"]
    assert answer["materials"][0]["error"]["code"] == "dataset_unknown"
    assert not folders(home)
    assert main(["class", "prepare", "--only", NAME]) == 1
    assert "NOT READY" in capsys.readouterr().out


def test_what_does_not_fit_the_study_is_not_tried_and_all_is_ready(home, making, capsys):
    making(broken, unfit=lambda material: Msg("material.unfit.layers", {"study": material.name}))
    (answer,) = prepare(capsys, "--only", NAME)
    assert answer["ok"]
    (one,) = answer["materials"]
    assert (one["made"], one["unfit"]["id"]) == (False, "material.unfit.layers")
    assert main(["class", "prepare", "--only", NAME]) == 0
    assert "not for this study: Short trainings in every mode" in capsys.readouterr().out


def test_material_that_does_not_exist_is_refused(capsys):
    (answer,) = prepare(capsys, "--only", "nonsense")
    assert answer["error"]["code"] == "entry_unknown"


def test_the_class_has_the_study_that_its_teacher_chose():
    with contextlib.closing(Store()) as store:
        collect(store, SAMPLE_STUDY)
        other = submit(store, study(0))
        run_all(store)
        assert _study(store) == other  # the newest
        with contextlib.closing(People(store.home.root)) as people:
            people.set(SETTING, Plan(study=sample_id()).to_json())
        assert _study(store) == sample_id()
        with contextlib.closing(People(store.home.root)) as people:
            people.set(SETTING, Plan(study="gone").to_json())
        assert _study(store) == other
