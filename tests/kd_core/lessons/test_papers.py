"""References that hold, and entries of ours that exist and say the same."""

import re

import pytest

from kd_core.lessons.history import entry_of
from kd_core.lessons.papers import LANES, PAPERS


def test_they_are_in_order_and_named_once():
    assert [paper.when for paper in PAPERS] == sorted(paper.when for paper in PAPERS)
    assert len({paper.name for paper in PAPERS}) == len(PAPERS)
    assert {paper.lane for paper in PAPERS} == set(LANES)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_our_entry_names_the_same_authors_and_year(paper):
    source = entry_of(paper).source
    first = paper.authors.split(",")[0].split()[-1]
    years = {paper.year, paper.year + 1, paper.year + 2}  # arXiv first, the conference later
    named = {int(year) for year in re.findall(r"\d{4}", source)}
    assert (first in source and bool(years & named)) is paper.is_ours


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_the_arxiv_number_says_year_and_month(paper):
    found = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}", paper.url)
    if found is None:
        assert paper.url.startswith("https://doi.org/")
        return
    assert (2000 + int(found[1]), int(found[2])) == (paper.year, paper.month)
