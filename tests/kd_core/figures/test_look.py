import itertools

from kd_core.figures.look import PALETTE, STUDENT_COLOURS, arm_colour, figure, layout, padded


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_roles_keep_their_colours_and_students_differ() -> None:
    arms = ["a", "b", "c", "d"]
    assert arm_colour("teacher", "teacher", arms) == arm_colour("teacher", "x", [])
    colours = [arm_colour("student", arm, arms) for arm in arms]
    assert len(set(colours)) == len(arms)
    assert not set(colours) & {arm_colour("teacher", "", []), arm_colour("baseline", "", [])}


def test_every_colour_is_seen_on_white_and_on_black() -> None:
    assert all(0.1 < luminance(colour) < 0.75 for colour in PALETTE)
    assert all(a != b for a, b in itertools.combinations(STUDENT_COLOURS, 2))


def test_light_and_dark_differ_in_ink_and_share_the_height() -> None:
    light, dark = layout(False, 300), layout(True, 300)
    assert light["font"]["color"] != dark["font"]["color"]
    assert light["height"] == dark["height"] == 300


def test_axes_are_merged_and_not_replaced() -> None:
    made = figure([], False, 200, xaxis={"title": "x"})
    assert made.layout.xaxis.title.text == "x"
    assert made.layout.xaxis.automargin


def test_a_single_value_gets_room() -> None:
    low, high = padded(0.0, 0.0)
    assert low < 0 < high
