from pathlib import Path

from kd_core.figures.counts import MAX_CLASSES, class_counts_figure, class_counts_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render


def test_a_class_that_a_part_lacks_counts_nothing() -> None:
    info = class_counts_info({"train": {"ring": 1500, "healthy": 20}, "val": {"ring": 3}})
    assert info.classes == ("ring", "healthy")
    assert info.counts == ((1500, 20), (3, 0))


def test_bars_carry_their_numbers_and_have_room_for_them() -> None:
    info = class_counts_info({"train": {"ring": 1500, "healthy": 20}, "val": {"ring": 3}})
    figure = class_counts_figure(info, say)
    assert [bar.name for bar in figure.data] == ["train", "validation"]
    assert figure.data[0].text == ("1,500", "20")
    assert figure.layout.xaxis.range[1] > 1500
    assert figure == class_counts_figure(info, say)


def test_many_classes_are_cut_and_counted() -> None:
    info = class_counts_info({"train": {f"class {i}": i for i in range(MAX_CLASSES + 5)}})
    assert len(info.classes) == MAX_CLASSES
    assert info.left_out == 5


def test_nothing_to_count() -> None:
    assert class_counts_figure(class_counts_info({}), say, dark=True).data == ()
    assert class_counts_figure(class_counts_info({"train": {"a": 0}}), say).data[0].x == (0,)
