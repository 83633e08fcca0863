import plotly.graph_objects as go
import pytest
from plotly.colors import sample_colorscale, unlabel_rgb

from kd_core.figures.cells import readable_on, words_on


def contrast(one, other):
    """Of two colours, by the words of WCAG 2.2."""

    def luminance(colour):
        shares = [part / 255 for part in colour]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def rgb(hexadecimal):
    return tuple(int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("scale", ["Blues", "Cividis", [[0, "#2A333D"], [1, "#2A333D"]]])
def test_every_shade_can_be_written_on(scale):
    for colour in sample_colorscale(scale, [i / 50 for i in range(51)]):
        assert contrast(unlabel_rgb(colour), rgb(readable_on(colour))) >= 4.3


def test_the_colours_run_as_the_cells_say():
    fixed = go.Heatmap(x=[0, 1], y=[0], z=[[0.1, 0.2]], zmin=0, zmax=1)
    free = go.Heatmap(x=[0, 1], y=[0], z=[[0.1, 0.2]])
    words = [["a", "b"]]
    assert list(words_on(fixed, words, "Blues").textfont.color) == ["#10151C", "#10151C"]
    assert list(words_on(free, words, "Blues").textfont.color) == ["#10151C", "#FFFFFF"]
    beyond = go.Heatmap(x=[0], y=[0], z=[[7.0]], zmin=0, zmax=1)
    assert list(words_on(beyond, [["a"]], "Blues", 9).textfont.color) == ["#FFFFFF"]


def test_empty_cells_and_texts_have_no_words():
    cells = go.Heatmap(x=[0, 1, 2], y=["r"], z=[[None, 0.5, 1.0]])
    made = words_on(cells, [["a", "", "c"]], "Cividis")
    assert (list(made.x), list(made.y), list(made.text)) == ([2], ["r"], ["c"])
    assert made.showlegend is False
    assert not words_on(go.Heatmap(x=[0], y=[0], z=[[None]]), [["a"]], "Blues").text
