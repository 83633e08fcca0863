import math
from dataclasses import replace
from pathlib import Path

from kd_core.figures.heat_map import map_figure, map_texts
from kd_core.study.grids import Map
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
FOUND = Map(
    x="alpha",
    y="kd.T",
    xs=(0.1, 0.5),
    ys=(2.0, 4.0),
    mean=((0.8, 0.9), (math.nan, 0.91)),
    metric="accuracy",
    seeds=2,
    sd=0.01,
    noise=0.02,
    best=(0.5, 4.0),
    near=((0, 1),),
    alone=("baseline", 0.85),
    trials=(3, 3),
)


def test_the_best_and_what_noise_does_not_tell_from_it_are_marked() -> None:
    assert map_texts(FOUND) == (("0.800", "0.900≈"), ("", "0.910★"))


def test_cells_stand_by_their_numbers_and_gaps_stay_empty() -> None:
    figure = map_figure(FOUND, say)
    trace = figure.data[0]
    assert list(trace.x) == ["0.1", "0.5"]
    assert list(trace.y) == ["2", "4"]
    assert trace.z[1][0] is None
    assert figure.layout.xaxis.title.text == "alpha"
    assert "kd.T %{y}" in trace.hovertemplate


def test_every_cell_has_its_words_in_a_colour_that_can_be_read() -> None:
    words = map_figure(FOUND, say).data[1]
    assert list(zip(words.x, words.y, words.text, words.textfont.color, strict=True)) == [
        ("0.1", "2", "0.800", "#FFFFFF"),
        ("0.5", "2", "0.900≈", "#10151C"),
        ("0.5", "4", "0.910★", "#10151C"),
    ]


def test_a_map_without_a_value_has_no_words() -> None:
    nothing = replace(FOUND, mean=((math.nan, math.nan), (math.nan, math.nan)), near=())
    assert not map_figure(nothing, say).data[1].text


def test_numbers_are_written_as_the_language_does() -> None:
    portuguese = load_catalogue(Path(ROOT) / "app" / "locale", "pt_BR").render
    figure = map_figure(FOUND, portuguese)
    assert list(figure.data[0].x) == ["0,1", "0,5"]
    assert figure.data[1].text[0] == "0,800"


def test_axes_are_called_as_the_page_calls_them() -> None:
    figure = map_figure(FOUND, say, titled={"alpha": "α", "kd.T": "T"}.__getitem__)
    axes = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    assert axes == ("α", "T")
    assert figure.data[0].hovertemplate.startswith("α %{x}<br>T %{y}")
