import json
import math

import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.export import FileContract
from kd_core.slides.answers import answers_of
from kd_core.slides.cells import Cell
from kd_core.slides.truth import HARMS, Known, match, mistakes, read_truth

CLASSES = ("healthy", "ring", "schizont", "debris")


def cell(x, y=0.0, radius=10.0):
    return Cell(int(x - radius), int(y - radius), int(x + radius), int(y + radius), x, y, radius)


def known(x, label="healthy", y=0.0):
    return Known(x, y, 10.0, label)


def answers(chosen, sure=5.0, classes=CLASSES):
    contract = FileContract(classes=classes, mean=(0.5,), std=(0.2,), size=8, channels=1)
    return answers_of(np.eye(len(classes))[chosen] * np.reshape(sure, (-1, 1)), contract)


def test_pairs_by_the_least_distance_in_all():
    # greedily, the first found cell would take the second known one
    matched = match([cell(5), cell(10)], [known(0), known(6)])
    assert matched.pairs == ((0, 0), (1, 1))
    assert (matched.recall, matched.precision) == (1, 1)


def test_what_is_too_far_is_missed_and_invented():
    matched = match([cell(0), cell(100)], [known(3), known(50), known(60)])
    assert matched.pairs == ((0, 0),)
    assert matched.missed == (1, 2)
    assert matched.invented == (1,)
    assert matched.recall == pytest.approx(1 / 3)
    assert matched.precision == 0.5


def test_two_found_in_one_place_count_once():
    matched = match([cell(1), cell(2)], [known(0)])
    assert len(matched.pairs) == len(matched.invented) == 1
    assert matched.pairs[0] == (0, 0)


def test_nothing_found_or_nothing_there():
    assert match([], [known(0)]).recall == 0
    assert math.isnan(match([], [known(0)]).precision)
    assert math.isnan(match([cell(0)], []).recall)


def test_mistakes_with_the_worst_harm_first():
    truth = [
        known(0, "healthy"),  # called ring: a false alarm
        known(50, "ring"),  # called healthy, not very sure: missed
        known(100, "ring"),  # called healthy, sure: missed, and worse
        known(150, "ring"),  # called schizont: the wrong kind
        known(200, "schizont"),  # not found
        known(250, "healthy"),  # not found, which harms nobody
        known(300, "healthy"),  # right
    ]
    cells = [cell(0), cell(50), cell(100), cell(150), cell(300), cell(400), cell(500), cell(600)]
    said = answers([1, 0, 0, 2, 0, 0, 1, 3], [5, 1, 5, 5, 5, 5, 3, 5])
    found = mistakes(said, cells, truth, match(cells, truth))
    assert [(one.harm, one.x) for one in found] == [
        ("parasite_missed", 100),
        ("parasite_missed", 50),
        ("cell_missed", 200),
        ("false_alarm", 0),
        ("false_alarm", 500),
        ("wrong_kind", 150),
        ("cell_invented", 400),
    ]
    assert sorted({HARMS.index(one.harm) for one in found}) == [0, 1, 2, 3, 4]
    assert (found[0].truth, found[0].said, found[2].cell, found[4].known) == (
        "ring",
        "healthy",
        -1,
        -1,
    )


def test_a_model_with_other_classes_is_judged_by_what_they_mean():
    truth = [known(0, "ring"), known(50, "schizont"), known(100, "healthy")]
    cells = [cell(0), cell(50), cell(100)]
    binary = answers([1, 0, 0], classes=("no_parasite", "parasite"))
    found = mistakes(binary, cells, truth, match(cells, truth))
    assert [(one.harm, one.truth) for one in found] == [("parasite_missed", "schizont")]


def test_a_file_of_the_truth():
    text = {"cells": [{"x": 1, "y": 2, "radius": 3, "class": "ring", "cut_by_edge": True}]}
    assert read_truth(json.dumps(text)) == (Known(1, 2, 3, "ring", True),)
    for bad in ("", "[]", '{"cells": [{"x": 1}]}', '{"cells": 3}'):
        with pytest.raises(DataError, match="truth_unreadable"):
            read_truth(bad)
