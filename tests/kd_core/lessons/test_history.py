"""The timeline follows the controls, and the material plays no part."""

from kd_core.lessons import LESSONS
from kd_core.lessons.papers import PAPERS
from tests.helpers_lessons import sample_material

SPEC = LESSONS["history"]


def shown(**given):
    material = sample_material()
    return SPEC.show(material, SPEC.values(material, given))


def test_papers_appear_with_their_year():
    def listed(until):
        found = shown(until=until)
        return [note.params["name"] for note in found.notes[1:]]

    assert listed(2006) == ["Model compression"]
    assert listed(2015)[-1] == "Soft targets"
    assert len(listed(2024)) == len(PAPERS) == 15


def test_the_chosen_paper_is_told_with_our_entry():
    found = shown(paper="fitnets")
    assert found.facts[0].id == "lesson.history.paper.fitnets"
    assert found.facts[2].params["entry"] == "hint"
    info = found.pictures[0].info
    assert info.steps[info.chosen].name == "FitNets"
    assert shown(paper="dafl").facts[2].id == "lesson.history.fact.nearest"


def test_answers_follow_from_the_papers():
    right = {q.name: q.answer(None) for q in SPEC.questions}
    years = {p.name: p.year for p in PAPERS}
    assert right["years"] == years["kd"] - years["compression"]
    features = [p for p in PAPERS if p.lane == "features"]
    assert right["first_hint"] == features[0].name
    assert right["no_data"] == next(p.name for p in PAPERS if p.lane == "no_data")
