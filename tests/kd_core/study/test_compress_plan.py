import pytest

from kd_core.config import Chain, CompressStep
from kd_core.errors import ConfigError
from kd_core.study.compress_plan import plan
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_chain import test_methods
from tests.helpers_jobs import by_key, run_all, run_here, study


@pytest.fixture(autouse=True)
def methods():
    with test_methods():
        yield


@pytest.fixture
def store(home):
    made = Store(home)
    yield made
    made.close()


def chain(name: str = "c", origin: str = "distilled", method: str = "test_same_file") -> Chain:
    return Chain(name=name, origin=origin, steps=(CompressStep(method=method),))


def test_only_the_chain_is_new_and_it_begins_with_the_finished_run(store):
    old = submit(store, study(0, 1))
    run_all(store)
    runs = by_key(store, old)
    made = plan(store, old, [chain()])
    assert [run.key for run in made.new] == ["c-s0", "c-s1"]
    assert made.new[1].needs == {"origin": f"run:{runs['distilled-s1'].id}"}
    new = submit(store, made.study, runs=made.runs, reuse=True)
    rows = by_key(store, new)
    assert {row.id for row in runs.values()} < {row.id for row in rows.values()}
    assert [key for key, row in rows.items() if row.status == "queued"] == ["c-s0", "c-s1"]
    assert store.parents(rows["c-s0"].id) == {"origin": runs["distilled-s0"].id}


def test_one_seed_alone_and_a_single_origin(store):
    old = submit(store, study(0, 1))
    run_all(store)
    assert [run.key for run in plan(store, old, [chain()], seed=1).new] == ["c-s1"]
    teacher = plan(store, old, [chain(origin="teacher")], seed=1).new
    assert [run.key for run in teacher] == ["c-s0"]


def test_an_origin_that_is_not_finished_is_told(store):
    old = submit(store, study())
    run_here(store)  # the teacher alone
    with pytest.raises(ConfigError) as caught:
        plan(store, old, [chain()])
    assert caught.value.code == "chain_origin_unfinished"
    assert caught.value.fields["origin"] == "distilled-s0"


def test_a_chain_that_cannot_be_is_refused_when_it_is_submitted(store):
    old = submit(store, study())
    run_all(store)
    made = plan(store, old, [chain(method="test_halve")])  # these runs have no network
    with pytest.raises(ConfigError) as caught:
        submit(store, made.study, runs=made.runs, reuse=True)
    assert caught.value.code == "chain_needs_network"


def test_the_same_chain_again_is_reused(store):
    old = submit(store, study())
    run_all(store)
    for name in ("c", "another name"):
        made = plan(store, old, [chain(name)])
        new = submit(store, made.study, runs=made.runs, reuse=True)
        run_all(store)
    assert by_key(store, new)["c-s0"].status == "finished"
