from kd_core.figures.class_board import Entry, board_figure, board_info, board_words
from tests.helpers_app import say

ENTRIES = (
    Entry("Rui", 400_000, 0.95, 0, False),
    Entry("Bea", 90_000, 0.80, 2, True),
    Entry("Ana", 120_000, 0.90, 1, False),
)


def told(msg):
    return say(msg.id, **msg.params)


def test_the_best_within_the_budget_comes_first():
    info = board_info(ENTRIES, 200_000)
    assert [entry.nickname for entry in info.entries] == ["Ana", "Bea", "Rui"]
    assert info.leader.nickname == "Ana"


def test_groups_differ_in_colour_and_in_shape_and_the_budget_is_a_line():
    made = board_figure(board_info(ENTRIES, 200_000), told)
    assert len({trace.marker.symbol for trace in made.data}) == 3
    assert len({trace.marker.color for trace in made.data}) == 3
    mine = next(trace for trace in made.data if trace.marker.symbol == "star")
    assert (list(mine.x), list(mine.y)) == ([0.09], [0.80])
    assert made.layout.shapes[0].x0 == 0.2
    assert not board_figure(board_info(ENTRIES, 0), told).layout.shapes


def test_the_words_say_who_leads_and_where_one_is_oneself():
    words = told(board_words(board_info(ENTRIES)))
    assert "Ana" in words
    assert "0.800" in words
    assert "none within the budget" in told(board_words(board_info(ENTRIES[:1])))
    assert "Yours" not in told(board_words(board_info(ENTRIES[2:])))
