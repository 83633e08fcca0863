import math

import pytest

from app.results_views import holm_note
from app.services import services
from kd_core.study.rows import ACTIVE
from kd_core.study.seal import seal_of
from tests.pages.conftest import texts

SECTIONS = ("models", "compare", "statistics", "operating", "harm", "robust", "test", "write",
            "files")  # fmt: skip


def go(at, name):
    at.segmented_control(key="results-section").set_value(name).run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def press(at, key):
    next(b for b in at.button if b.key == key).click().run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def test_no_study_yet(empty, open_page) -> None:
    at = open_page("results")
    assert not at.exception
    assert "no study yet" in texts(at)


def test_the_embedded_study_in_full(open_page) -> None:
    at = open_page("results")
    assert not at.exception
    said = texts(at)
    assert "distilled against Student alone" in said
    assert "which so few seeds know only as" in said
    assert "Protocol " in said
    assert "tuned equally" in said
    assert at.selectbox(key="results-part").options == ["validation"]


@pytest.mark.parametrize("metric", ["macro_auc", "ece", "mcc"])
def test_every_metric_can_be_the_axis(open_page, metric) -> None:
    at = open_page("results")
    at.selectbox(key="results-metric").set_value(metric).run()
    assert not at.exception


def test_every_section_opens_and_has_its_stamp(open_page) -> None:
    at = open_page("results")
    for name in SECTIONS:
        said = texts(go(at, name))
        assert said.count("Protocol ") >= (2 if name in ("statistics", "operating", "harm") else 1)


def test_patients_can_be_scored_instead_of_images(open_page) -> None:
    at = open_page("results")
    before = [m.value for m in at.metric]
    at.selectbox(key="results-level").set_value("mean").run()
    assert not at.exception
    if not at.error:  # a class is one a patient here, or the page says that it is not
        assert [m.value for m in at.metric] != before
    else:
        assert "patient" in at.error[0].value


def test_the_methods_paragraph_and_the_table_are_there_to_copy(open_page) -> None:
    at = go(open_page("results"), "write")
    code = "\n".join(block.value for block in at.code)
    assert "Hinton et al. 2015" in code
    assert r"\begin{tabular}" in code


def test_the_supplementary_tests_respect_patients(open_page) -> None:
    said = texts(go(open_page("results"), "statistics"))
    assert "swaps the two models' answers" in said or "all ways to swap" in said
    assert "McNemar's and DeLong's tests are left out here" in said


def test_a_look_at_corrupted_images_is_queued_and_not_computed_in_the_page(open_page) -> None:
    at = go(open_page("results"), "robust")
    study = services().store.studies()[0]
    press(at, "robust-start")
    run = next(r for r in services().store.runs(study=study.id) if r.role == "analysis")
    assert run.status in ACTIVE
    settings = services().store.settings(run.id)
    assert settings.analysis.part == "val"
    assert len(settings.needs) == 7


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
    at = go(open_page("results"), "test")
    study = services().store.studies()[0]
    assert "sealed" in texts(at)
    assert "looks" in texts(at)  # the simulated evidence
    press(at, "test-open")
    assert services().store.study(study.id).test_opened_at is None  # only the question so far
    yes = next(b for b in at.button if b.key == "test-yes")
    assert yes.disabled
    at.multiselect(key="test-chosen").set_value(["teacher", "distilled"])
    at.checkbox(key="test-sure").check().run()
    press(at, "test-yes")
    opened = services().store.study(study.id)
    assert opened.test_opened_runs == 7
    seal = seal_of(services().store, study.id)
    assert seal.chosen == {"teacher", "distilled"}

    at.selectbox(key="results-part").set_value("test").run()
    assert not at.exception
    said = texts(at)
    assert "Student alone" not in said.partition("Protocol")[0]
    assert "test part opened after 7 runs" in said
    go(at, "test")
    at.multiselect(key="test-more").set_value(["baseline"]).run()
    press(at, "test-ask")
    assert "baseline" in seal_of(services().store, study.id).asked
    assert not any(m.key == "test-more" for m in at.multiselect)


def test_verdicts_of_a_list_are_corrected_wherever_they_stand() -> None:
    assert holm_note(0.01, 0.03, 3).endswith("p = 0.030.")
    assert "3 comparisons" in holm_note(0.01, 0.03, 3)
    assert holm_note(0.01, 0.01, 1) == holm_note(math.nan, math.nan, 3) == ""
