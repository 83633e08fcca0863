import pytest

from kd_core.errors import AccessError, StoreError
from kd_core.study import board as module
from kd_core.study.board import Board
from kd_core.study.people import People
from kd_core.study.rights import Person
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, study

ANA, BEN = Person("a" * 24, "visitor", "Ana"), Person("b" * 24, "visitor", "Ben")


@pytest.fixture
def board(monkeypatch):
    # the runs of these tests are not trained, and know this metric only
    monkeypatch.setattr(module, "METRIC", "balanced_accuracy")
    store = Store()
    people = People(store.home.root)
    for person in (ANA, BEN):
        people.enter(person.id, "visitor", person.nickname, "room")
    yield Board(people, store)
    people.close()
    store.close()


def baseline(board, person, seed, data_hash="d1"):
    """A finished run of somebody's; seeds decide the scores, the higher the better."""
    made = submit(board.store, study(seed, data_hash=data_hash), person.owner)
    run_all(board.store)
    return by_key(board.store, made)[f"baseline-s{seed}"].id


def open_board(board, **changes):
    return board.set_rules(is_open=True, dataset="sample", data_hash="d1", **changes)


def test_a_board_is_closed_until_it_is_opened(board):
    run = baseline(board, ANA, 0)
    assert not board.rules.is_open
    with pytest.raises(AccessError, match="board_closed"):
        board.enter(ANA, run, "main")
    open_board(board)
    board.enter(ANA, run, "main")
    board.set_rules(is_open=False)
    assert board.rules.dataset == "sample"  # the rest of what was set stays
    with pytest.raises(AccessError, match="board_closed"):
        board.enter(ANA, run, "main")
    assert [place.nickname for place in board.places()] == ["Ana"]


def test_the_most_accurate_is_first_and_a_new_entry_replaces_ones_own(board):
    open_board(board)
    board.enter(ANA, baseline(board, ANA, 1), "main")
    board.enter(BEN, baseline(board, BEN, 2), "main")
    assert [(p.rank, p.nickname) for p in board.places()] == [(1, "Ben"), (2, "Ana")]
    best = baseline(board, ANA, 3)
    board.enter(ANA, best, "main")
    first = board.places()[0]
    assert (first.nickname, first.run, first.accuracy) == ("Ana", best, pytest.approx(0.53))
    assert first.size_bytes == board.store.models(run=best)[0].size_bytes
    assert len(board.places()) == 2


def test_a_budget_is_asked_at_the_entry_and_when_it_changes(board):
    run = baseline(board, ANA, 0)
    size = board.store.models(run=run)[0].size_bytes
    open_board(board, budget_bytes=size - 1)
    with pytest.raises(AccessError, match="board_budget"):
        board.enter(ANA, run, "main")
    open_board(board, budget_bytes=size)
    board.enter(ANA, run, "main")
    board.set_rules(budget_bytes=size - 1)
    assert [place.rank for place in board.places()] == [0]


def test_only_ones_own_finished_models_of_the_boards_data_enter(board):
    open_board(board)
    run = baseline(board, ANA, 0)
    with pytest.raises(AccessError, match="not_yours"):
        board.enter(BEN, run, "main")
    with pytest.raises(StoreError, match="board_no_accuracy"):
        board.enter(ANA, run, "another")
    board.set_rules(data_hash="d2")
    with pytest.raises(AccessError, match="board_data"):
        board.enter(ANA, run, "main")
    waiting = submit(board.store, study(5), ANA.owner)
    with pytest.raises(StoreError, match="run_unfinished"):
        board.enter(ANA, by_key(board.store, waiting)["baseline-s5"].id, "main")
    with pytest.raises(StoreError, match="run_unknown"):
        board.enter(ANA, "r-gone", "main")


def test_a_fold_has_validation_images_of_its_own_and_stays_off_the_board(board, monkeypatch):
    open_board(board)
    run = baseline(board, ANA, 0)
    record = board.store.record(run)
    data = record.settings.data.change(folds=3, fold=1)
    of_fold = record.change(settings=record.settings.change(data=data))
    monkeypatch.setattr(board.store, "record", lambda run_id: of_fold)
    with pytest.raises(AccessError, match="board_data"):
        board.enter(ANA, run, "main")


def test_one_can_leave_and_the_teacher_can_empty_it(board):
    open_board(board)
    board.enter(ANA, baseline(board, ANA, 1), "main")
    board.enter(BEN, baseline(board, BEN, 2), "main")
    board.leave(ANA)
    assert [place.nickname for place in board.places()] == ["Ben"]
    assert board.reset() == 1
    assert board.places() == []
    assert board.rules.is_open
