"""The Compress page: empty, as a form, started, and with what came out."""

# ruff: noqa: F811
import pytest

from kd_core.study.store import Store
from tests.helpers_app import (  # noqa: F401  some are fixtures
    filled,
    finished_study,
    open_page,
    press,
    say,
    server,
    sound,
    words,
)
from tests.helpers_compressed import compressed, compressed_study  # noqa: F401  fixtures


@pytest.fixture(autouse=True)
def clean_server():
    """The one of this folder's conftest closes services that a test here has closed already."""


def test_without_a_finished_model_it_says_where_to_get_one():
    assert say("compress.none") in words(open_page("compress"))


def test_a_chain_is_built_and_started(filled):
    at = open_page("compress", study=filled.study)
    assert at.selectbox(key="compress:steps.0.method").value == "prune_l1"
    press(at, say("compress.add"))
    sound(at.selectbox(key="compress:steps.1.method").set_value("int8").run())
    at.button(key="step-up-1").click()
    sound(at.run())
    assert at.selectbox(key="compress:steps.0.method").value == "int8"
    assert any("earlier step already changed the exported file" in e.value for e in at.error)
    at.button(key="step-down-0").click()
    sound(at.run())
    press(at, say("compress.start"))
    store = Store(filled.home)
    study = store.studies()[0]
    (chain,) = study.settings.chains
    assert [step.method for step in chain.steps] == ["prune_l1", "int8"]
    assert chain.steps[0].tune is not None
    assert chain.steps[1].tune is None
    queued = [row.key for row in store.runs(study=study.id) if row.status == "queued"]
    assert queued == [f"{chain.name}-s0"]
    store.close()
    assert study.name in words(at)


def test_a_question_starts_with_one_click(filled):
    at = open_page("compress", study=filled.study)
    press(at, say("compress.question.orders"))
    store = Store(filled.home)
    names = [chain.name for chain in store.studies()[0].settings.chains]
    store.close()
    assert {"p-q", "p-d-q", "d-p-q"} <= set(names)


def test_what_came_out_is_told_step_by_step(compressed):
    store = Store(compressed)
    study = store.studies()[0]
    store.close()
    at = open_page("compress", study=study.id, follow="1")
    said = words(at)
    assert "validation images are answered differently" in said
    assert "times smaller" in said
    assert "convolutions and matrix products" in said or "computed in float" in said
    assert len(at.dataframe) >= 2
    # the stamp below the comparison with the teacher, the chain, and the trade-off
    assert said.count("epoch chosen by") == 3


def test_results_show_each_step_and_choose_one(compressed):
    store = Store(compressed)
    study = store.studies()[0]
    run = next(row for row in store.runs(study=study.id) if row.role == "compressed")
    store.close()
    at = open_page("results", study=study.id, run=run.id, model="1-prune-l1")
    assert "pdq-s0/1-prune-l1" in words(at)
    at.segmented_control(key="results-section").set_value("compare").run()
    options = at.selectbox(key="compare-first").options
    assert {"pdq-s0/2-finetune", "pdq-s0/3-int8"} <= set(options)
    at = open_page("results", study=study.id, run=run.id)
    assert "pdq-s0/3-int8" in words(at)
