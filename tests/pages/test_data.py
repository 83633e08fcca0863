from app.services import services
from kd_core.data.draft import draft
from tests.helpers_data import tiny_images, write_folder
from tests.pages.conftest import texts


def test_the_embedded_sample_is_there_and_says_that_it_is_synthetic(empty, open_page) -> None:
    at = open_page("data")
    assert not at.exception
    assert "synthetic" in texts(at)
    assert at.selectbox(key="dataset").value == "sample"


def test_another_data_set_can_be_looked_at_and_deleted(empty, open_page, tmp_path) -> None:
    images, labels = tiny_images(30)
    write_folder(tmp_path / "in", images, labels)
    open_page("home")
    services().library.add(draft(tmp_path / "in"), "mine")
    at = open_page("data")
    at.selectbox(key="dataset").set_value("mine").run()
    assert not at.exception
    assert "30 images" in texts(at)
    next(b for b in at.button if b.label == "Delete").click().run()
    assert not at.exception
    assert "mine" not in services().library.names()
