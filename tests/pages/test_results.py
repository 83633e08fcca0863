import pytest

from app.services import services
from tests.pages.conftest import texts


def test_no_study_yet(empty, open_page) -> None:
    at = open_page("results")
    assert not at.exception
    assert "no study yet" in texts(at)


def test_the_embedded_study_in_full(open_page) -> None:
    at = open_page("results")
    assert not at.exception
    said = texts(at)
    assert "distilled against Student alone" in said
    assert "sealed" in said
    assert at.selectbox(key="results-part").options == ["validation"]


@pytest.mark.parametrize("metric", ["macro_auc", "ece", "mcc"])
def test_every_metric_can_be_the_axis(open_page, metric) -> None:
    at = open_page("results")
    at.selectbox(key="results-metric").set_value(metric).run()
    assert not at.exception


def test_a_run_in_the_address_is_shown_in_detail(open_page) -> None:
    open_page("home")
    study = services().store.studies()[0]
    run = services().store.runs(study=study.id)[0]
    at = open_page("results", study=study.id, run=run.id)
    assert not at.exception
    assert run.key in texts(at)


def test_wrong_addresses_are_no_error(open_page) -> None:
    at = open_page("results", study="nonsense", run="nonsense")
    assert not at.exception


def test_the_test_part_is_opened_by_a_deliberate_act_and_recorded(open_page) -> None:
    at = open_page("results")
    study = services().store.studies()[0]
    button = next(b for b in at.button if b.label == "Open the test part")
    assert button.disabled
    at.checkbox(key="test-sure").check().run()
    next(b for b in at.button if b.label == "Open the test part").click().run()
    assert not at.exception
    opened = services().store.study(study.id)
    assert opened.test_opened_runs == 7
    at.selectbox(key="results-part").set_value("test").run()
    assert not at.exception
