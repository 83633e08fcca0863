import pytest

from kd_core.errors import StoreError
from kd_core.study.collect import collect
from kd_core.study.rebuild import rebuild
from kd_core.study.results import predictions, results
from kd_core.study.seal import ask, open_chosen, seal_of
from kd_core.study.store import Store
from tests.helpers_code import ROOT


@pytest.fixture
def sample(home):
    store = Store(home)
    collect(store, ROOT / "sample_data" / "study")
    return store, store.studies()[0].id


def test_nothing_is_handed_out_before_the_opening(sample) -> None:
    store, study = sample
    assert not seal_of(store, study).opened
    for result in results(store, study):
        with pytest.raises(StoreError, match="test_sealed"):
            predictions(result, "test", opened=True)
    with pytest.raises(StoreError, match="test_sealed"):
        ask(store, study, ["baseline"])


def test_the_chosen_are_seen_first_and_the_rest_on_request(sample) -> None:
    store, study = sample
    seal = open_chosen(store, study, ["teacher", "distilled"], by="ana")
    assert (seal.runs, seal.by, seal.chosen) == (7, "ana", {"teacher", "distilled"})
    by_arm = {r.arm: r for r in results(store, study)}
    assert len(predictions(by_arm["distilled"], "test", opened=True))
    with pytest.raises(StoreError, match="test_not_chosen"):
        predictions(by_arm["baseline"], "test", opened=True)
    ask(store, study, ["baseline"])
    baseline = next(r for r in results(store, study) if r.arm == "baseline")
    assert baseline.mark == "asked"
    assert len(predictions(baseline, "test", opened=True))


def test_a_second_opening_changes_no_choice(sample) -> None:
    store, study = sample
    first = open_chosen(store, study, ["teacher"], by="ana")
    assert open_chosen(store, study, ["teacher", "baseline"], by="ben") == first


def test_the_choice_outlives_the_database(sample) -> None:
    store, study = sample
    open_chosen(store, study, ["teacher"])
    ask(store, study, ["baseline"])
    before = seal_of(store, study)
    home = store.home.root
    store.close()
    store.home.store.write_bytes(b"damaged")
    assert rebuild(home).problems == ()
    assert seal_of(Store(home), study) == before


def test_a_study_that_was_opened_before_there_was_a_choice_shows_all(sample) -> None:
    store, study = sample
    store.open_test(study)
    assert all(result.mark == "chosen" for result in results(store, study))
