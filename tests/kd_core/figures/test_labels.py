import itertools

import numpy as np

from kd_core.figures.labels import (
    HEIGHT_PX,
    SPOTS,
    WIDTH_PX,
    Label,
    _box,
    _overlap,
    place_labels,
)


def boxes(labels, spots):
    return [_box(label, spot) for label, spot in zip(labels, spots, strict=True)]


def test_names_stay_inside_the_plot() -> None:
    corners = [Label("a name of some length", x, y) for x in (0, 1) for y in (0.05, 0.95)]
    spots = place_labels(corners, [(label.x, label.y) for label in corners])
    for left, bottom, right, top in boxes(corners, spots):
        assert left >= 0
        assert bottom >= 0
        assert right <= WIDTH_PX
        assert top <= HEIGHT_PX


def test_names_of_neighbours_do_not_cover_each_other() -> None:
    labels = [Label("teacher", 0.5, 0.5), Label("student", 0.52, 0.52), Label("alone", 0.5, 0.54)]
    spots = place_labels(labels, [(label.x, label.y) for label in labels])
    for a, b in itertools.combinations(boxes(labels, spots), 2):
        assert _overlap(a, b) == 0


def test_a_better_spot_is_never_left_for_a_worse_one() -> None:
    rng = np.random.default_rng(0)
    markers = [tuple(point) for point in rng.random((12, 2))]
    label = Label("one", *markers[0])

    def covered(spot):
        drawn = [(x * WIDTH_PX, y * HEIGHT_PX) for x, y in markers]
        around = [(x - 6, y - 22, x + 6, y + 22) for x, y in drawn]
        return sum(_overlap(_box(label, spot), box) for box in around)

    inside = [s for s in SPOTS if _box(label, s)[0] >= 0 and _box(label, s)[2] <= WIDTH_PX]
    assert covered(place_labels([label], markers)[0]) <= min(map(covered, inside))


def test_nothing_to_write() -> None:
    assert place_labels([], [(0.5, 0.5)]) == []
