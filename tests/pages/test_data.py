import io
import shutil
import zipfile

import pytest

from kd_core.data.library import Library
from kd_core.study.cleanup import delete_study
from kd_core.study.store import Store
from tests.helpers_app import (
    cell_folder,
    go_to,
    has_button,
    open_page,
    press,
    say,
    sound,
    words,
)


def zipped(folder):
    """A zip of a folder, as a person would upload it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in sorted(folder.rglob("*.png")):
            file.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()


def upload(at, *files):
    at.file_uploader(key="data-upload").set_value(list(files))
    sound(at.run())
    return press(at, say("data.upload.check"))


def errors(at):
    return [error.value for error in at.error]


def test_empty():
    at = open_page("data")
    assert at.selectbox(key="dataset").value == "sample"
    assert say("data.synthetic") in words(at)
    assert not has_button(at, say("data.delete.yes"))  # what is embedded stays


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_filled(filled, theme):
    at = open_page("data", theme)
    sound(at.selectbox(key="dataset").set_value("cells").run())
    assert say("data.synthetic") not in words(at)
    counts = at.dataframe[0].value
    assert counts.to_numpy().sum() == 60
    assert len(at.get("imgs")) >= 3


def test_the_doctor_examines_on_request_and_once(cells):
    at = open_page("data")
    sound(at.selectbox(key="dataset").set_value(cells).run())
    press(at, say("data.doctor.ask"))
    assert not has_button(at, say("data.doctor.ask"))
    assert "error" not in words(at).lower() or not errors(at)
    assert any(e.label == say("data.doctor.fine", n=len(e.caption)) for e in at.expander)


def test_a_zip_of_folders_is_looked_at_and_added(home, tmp_path):
    at = open_page("data")
    upload(at, ("mine.zip", zipped(cell_folder(tmp_path / "mine")), "application/zip"))
    assert say("data.preview") in [s.value for s in at.subheader]
    assert "mine" not in Library(home).names()  # nothing is stored yet
    assert at.text_input(key="import-name").value == "mine"
    press(at, say("data.add"))
    assert say("data.added", name="mine") in [s.value for s in at.success]
    assert len(Library(home).get("mine")) == 60
    assert at.selectbox(key="dataset").value == "mine"
    assert list((home / "cache" / "incoming").iterdir()) == []
    assert say("data.preview") not in [s.value for s in at.subheader]


def test_a_folder_below_the_data_root_is_added(home, tmp_path, monkeypatch):
    monkeypatch.setenv("KDLAB_DATA_ROOT", str(tmp_path / "root"))
    cell_folder(tmp_path / "root" / "cells")
    at = open_page("data")
    sound(at.text_input(key="data-server").set_value("cells").run())
    sound(at.button(key="data-server-check").click().run())
    sound(at.text_input(key="import-name").set_value("from_root").run())
    press(at, say("data.add"))
    assert "from_root" in Library(home).names()
    assert len(list((tmp_path / "root" / "cells").rglob("*.png"))) == 60


@pytest.mark.parametrize("path", ["..", "/etc", "nothing", "../home"])
def test_a_folder_elsewhere_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.setenv("KDLAB_DATA_ROOT", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    at = open_page("data")
    sound(at.text_input(key="data-server").set_value(path).run())
    sound(at.button(key="data-server-check").click().run())
    assert len(errors(at)) == 1
    assert say("data.preview") not in [s.value for s in at.subheader]


def test_no_data_root_no_folders_of_the_server():
    assert say("data.way.server") not in [tab.label for tab in open_page("data").tabs]


def bad_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../out.png", b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "files",
    [
        [("a.zip", b"no zip at all", "application/zip")],
        [("a.npz", b"no npz at all", "application/octet-stream")],
        [("a.zip", bad_zip(), "application/zip")],
        [("a.csv", b"file,label\n", "text/csv")],
        [("a.zip", b"x", "application/zip"), ("b.zip", b"x", "application/zip")],
    ],
    ids=["text as zip", "text as npz", "dots", "csv alone", "two zips"],
)
def test_a_bad_upload_gets_one_sentence_and_changes_nothing(home, files):
    at = open_page("data")
    names = Library(home).names()
    upload(at, *files)
    assert len(errors(at)) == 1
    assert Library(home).names() == names
    assert not (home.parent / "out.png").exists()


def test_a_zip_without_images_gets_a_sentence(home):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("folder/readme.txt", "hello")
    at = open_page("data")
    upload(at, ("a.zip", buffer.getvalue(), "application/zip"))
    assert len(errors(at)) == 1
    assert not has_button(at, say("data.add"))


def test_another_name_that_is_taken_is_said(cells, tmp_path, home):
    at = open_page("data")
    upload(at, ("x.zip", zipped(cell_folder(tmp_path / "x", n=30)), "application/zip"))
    sound(at.text_input(key="import-name").set_value("cells").run())
    press(at, say("data.add"))
    assert len(errors(at)) == 1
    assert len(Library(home).get("cells")) == 60


@pytest.mark.parametrize("name", ["", "../x", "a/b", "sample"])
def test_a_name_that_is_no_name_gets_a_sentence(home, tmp_path, name):
    at = open_page("data")
    names = Library(home).names()
    upload(at, ("x.zip", zipped(cell_folder(tmp_path / "x", n=30)), "application/zip"))
    sound(at.text_input(key="import-name").set_value(name).run())
    press(at, say("data.add"))
    assert len(errors(at)) == 1
    assert Library(home).names() == names


def test_the_preview_survives_a_change_of_page(tmp_path):
    at = open_page("data")
    upload(at, ("x.zip", zipped(cell_folder(tmp_path / "x", n=30)), "application/zip"))
    go_to(at, "distil")
    go_to(at, "data")
    assert say("data.preview") in [s.value for s in at.subheader]
    assert at.text_input(key="import-name").value == "x"


def test_an_upload_that_was_cleaned_away_is_not_fatal(home, tmp_path):
    at = open_page("data")
    upload(at, ("x.zip", zipped(cell_folder(tmp_path / "x", n=30)), "application/zip"))
    shutil.rmtree(home / "cache" / "incoming")
    go_to(at, "home")
    go_to(at, "data")
    sound(at.selectbox(key="import:source").set_value("table").run())
    assert len(errors(at)) == 1


def test_a_set_that_is_used_stays_until_its_study_is_gone(filled):
    at = open_page("data")
    sound(at.selectbox(key="dataset").set_value("cells").run())
    assert say("data.delete.used", name="cells") in words(at)
    store = Store(filled.home)
    delete_study(store, filled.study)
    sound(at.run())
    press(at, say("data.delete.yes"))
    assert "cells" not in Library(filled.home).names()
    assert at.selectbox(key="dataset").value == "sample"


def test_on_a_shared_server_nobody_deletes_a_set(cells, monkeypatch):
    monkeypatch.setenv("KDLAB_SHARED", "1")
    at = open_page("data")
    sound(at.selectbox(key="dataset").set_value(cells).run())
    assert not has_button(at, say("data.delete.yes"))
