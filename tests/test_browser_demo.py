"""The demo as a person gives it: a field at once, a click on a cell, a crop of their own."""

from PIL import Image

from kd_core.data.library import Library
from tests.test_browser import browser, pytestmark, server, visit

__all__ = ["browser", "pytestmark", "server"]

# Where the eleventh cell is on the screen, by the axes of the drawn figure.
PLACE = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  plot.scrollIntoView({block: 'center'});
  const dots = plot.data[plot.data.length - 1], rect = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  return [rect.left + xaxis._offset + xaxis.d2p(dots.x[10]),
          rect.top + yaxis._offset + yaxis.d2p(dots.y[10])];
}"""


OVERLAP = """() => document.querySelector('header').getBoundingClientRect().bottom
    - document.querySelector('h1').getBoundingClientRect().top"""
"""Pixels of the title that Streamlit's header hides."""


def test_a_demo_in_front_of_an_audience(server, browser, tmp_path) -> None:
    page = visit(browser, f"{server}/demo")
    assert page.evaluate(OVERLAP) <= 0
    page.get_by_text("parasitaemia").first.wait_for()
    page.get_by_text("Click a piece").wait_for()
    page.wait_for_function("document.querySelector('.js-plotly-plot .scatterlayer .trace')")
    page.evaluate(PLACE)
    page.wait_for_timeout(500)  # the scroll
    x, y = page.evaluate(PLACE)
    page.mouse.click(x, y)
    page.get_by_text("No. 11", exact=True).wait_for()
    page.get_by_text("What the networks see").wait_for()
    crop = tmp_path / "crop.png"
    Image.fromarray(Library(tmp_path).get("sample").read(4000)).save(crop)
    page.locator("input[type=file]").set_input_files(crop)
    page.get_by_text("crop.png, 40 × 40 pixels").wait_for()
    page.get_by_role("button", name="Present", exact=True).click()
    page.get_by_role("button", name="End presenting").wait_for()
    assert "present=1" in page.url
    assert page.get_by_test_id("stSidebar").is_hidden()
