"""The demo page: the embedded field at once, samples, uploads of all kinds, wrong addresses."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from app import demo_fits
from app import services as shared
from app.services import services
from kd_core.data.library import Library
from kd_core.explain import familiar
from kd_core.jobs import connect
from tests.helpers_app import say
from tests.pages.conftest import texts


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """Nothing here is trained, so no worker process is kept ready."""
    monkeypatch.setattr(shared, "connect", lambda: connect(drive=False))


@pytest.fixture(autouse=True)
def few_images_to_compare_with(monkeypatch):
    """A comparison with all training images takes seconds; here it is made while one waits."""
    monkeypatch.setattr(demo_fits, "start", demo_fits.make)
    monkeypatch.setattr(familiar, "TRAIN_IMAGES", 40)
    monkeypatch.setattr(familiar, "VAL_IMAGES", 30)


def png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def crop(home, row: int = 4000) -> np.ndarray:
    return Library(home).get("sample").read(row)


def upload(at, *files: tuple[str, bytes]):
    """Drop files onto the page."""
    kinds = [(name, content, "application/octet-stream") for name, content in files]
    return at.file_uploader[0].set_value(kinds).run()


def test_no_study_yet(empty, open_page) -> None:
    at = open_page("demo")
    assert not at.exception
    assert say("demo.no_study") in texts(at)


def test_the_embedded_field_is_counted_at_once(open_page) -> None:
    at = open_page("demo")
    assert not at.exception
    said = texts(at)
    assert say("demo.no_device") in said
    assert say("demo.privacy") in said
    assert "parasitaemia" in said
    assert "were found" in said  # the truth is known
    by_label = {metric.label: metric.value for metric in at.metric}
    assert 150 < int(by_label["Cells"]) < 200  # 172 are there
    assert {"teacher-s0", "distilled-s0", "Truth"} <= set(by_label)
    assert "0 false alarms" in said


def test_most_alarms_of_a_model_may_be_false_and_classes_may_mean_something_else(open_page) -> None:
    at = open_page("demo")
    study = services().store.studies()[0].id
    at.multiselect(key=f"demo-students-{study}").set_value(["distilled-s1"]).run()
    assert not at.exception
    assert "that distilled-s1 calls infected are not" in texts(at)
    truth = next(m.value for m in at.metric if m.label == "Truth")
    key = f"demo-role-{study}-ring"
    at.session_state[key] = "uninfected"
    at.run()
    assert not at.exception
    assert next(m.value for m in at.metric if m.label == "Truth") != truth


def test_a_sample_crop_is_one_click_away_and_stays_in_the_address(open_page) -> None:
    at = open_page("demo", picture="nonsense")
    next(b for b in at.button if b.label == "ring").click().run()
    assert not at.exception
    assert "sample-" in str(at.query_params["picture"])
    assert "Labelled: ring" in texts(at)
    assert say("demo.heat.grad_cam.about") in texts(at)


def test_an_uploaded_crop_up_to_three_students_and_presenting(open_page, home) -> None:
    at = open_page("demo", picture="sample-003000", present="1")
    at = upload(at, ("patient-name.png", png(crop(home))))
    assert not at.exception
    study = services().store.studies()[0].id
    at.multiselect(key=f"demo-students-{study}").set_value(
        ["distilled-s0", "distilled-s1", "baseline-s0"]
    ).run()
    assert not at.exception
    assert at.metric[0].label == "teacher-s0"
    assert len(at.metric) == 4
    assert say("demo.cost.about") in texts(at)
    written = [path for path in home.rglob("*") if path.is_file() and "patient" in path.name]
    assert not written
    next(b for b in at.button if b.label == say("demo.forget")).click().run()
    assert not at.exception


def test_a_zip_gives_a_table_with_confusion(open_page, home) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for row in (4000, 4001, 4002):
            file.writestr(f"cells/ring/{row}.png", png(crop(home, row)))
        file.writestr("cells/healthy/broken.png", b"\x89PNG\r\n\x1a\nno")
    at = open_page("demo", picture="sample-003000")
    at = upload(at, ("cells.zip", archive.getvalue()))
    assert not at.exception
    said = texts(at)
    assert "3 images" in said
    assert say("demo.many.confusion", n=3) in said
    assert "broken.png" in said
    assert len(at.dataframe[0].value) == 3


MALFORMED = {
    "text.jpg": (b"not an image at all", "not an image"),
    "cut.png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "damaged"),
    "cut.zip": (b"PK\x03\x04nothing more", "not a whole zip"),
    "cut.tif": (b"II*\x00\x08\x00\x00\x00", "damaged"),
    "empty.png": (b"", "empty"),
}


def test_malformed_files_are_one_sentence_each(open_page) -> None:
    at = open_page("demo", picture="sample-003000")
    for name, (content, wanted) in MALFORMED.items():
        at = upload(at, (name, content))
        assert not at.exception
        assert wanted in texts(at), name


def test_a_picture_that_is_no_smear_is_told_so(open_page) -> None:
    at = open_page("demo", picture="sample-003000")
    grey = np.repeat(np.arange(120, dtype=np.uint8)[None, :, None], 90, axis=0)
    grey = np.repeat(np.tile(grey, (3, 3, 1)), 3, axis=2)  # (270, 360, 3)
    at = upload(at, ("film.png", png(grey)))
    assert not at.exception
    assert say("cells.problem.grey") in texts(at)
    assert say("demo.field.otherwise") in texts(at)
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    at = upload(at, ("noise.png", png(noise)))
    assert not at.exception
    assert say("demo.unfamiliar") in texts(at)
