import numpy as np
import pytest

from kd_core.lessons import LESSONS
from kd_core.lessons.made_sensitivity import subject_of
from kd_core.lessons.rounding import answers
from kd_core.lessons.shrink import largest, least_sensitive, macs_left, show
from tests.helpers_lessons import sample_material


def shown(**changes):
    material = sample_material()
    return show(material, LESSONS["shrink"].values(material, changes))


def test_cuts_are_the_stored_ones():
    found = sample_material().made["sensitivity"]
    fact = shown(cut=30).facts[0]
    assert fact.id == "lesson.shrink.fact.all_again"
    assert fact.params["accuracy"] == found.whole.scores[3]
    assert fact.params["again"] == found.whole.recalibrated[3]
    assert fact.params["gone"] == found.whole.left[0] - found.whole.left[3]
    assert fact.params["macs"] == pytest.approx(found.whole.macs[3] / 1e6, rel=5e-4)
    one = found.layers[2]
    fact = shown(cut=70, layer=one.layer).facts[0]
    assert (fact.id, fact.params["accuracy"]) == ("lesson.shrink.fact.layer", one.scores[7])
    curves = dict(shown(cut=70, layer=one.layer).pictures[0].info.curves)
    assert curves["macs"] == pytest.approx([value / one.macs[0] for value in one.macs])
    assert "recalibrated" not in curves


def test_rounding_by_hand():
    material = sample_material()
    voice, layer = subject_of(material), largest(sample_material())
    w = material.network(voice).network.get_submodule(layer).weight.detach().double().numpy()
    step = np.abs(w).max() / 7
    q = np.round(w / step) * step
    made = shown(bits=4, grid="tensor")
    _, error, answered = made.facts
    assert error.params["error"] == pytest.approx(np.abs(w - q).max(), rel=1e-3)
    assert error.params["half"] == pytest.approx(step / 2, rel=1e-3)
    info = made.pictures[1].info
    assert sum(info.before) == sum(info.after) == w.size
    np.testing.assert_allclose(info.values, np.arange(-7, 8) * step, rtol=1e-5)
    first, weight, last = (line.params for line in made.steps)
    assert first["step"] == pytest.approx(first["most"] / first["top"], rel=1e-3)
    assert weight["q"] == pytest.approx(weight["whole"] * weight["step"], rel=1e-3)
    assert last["error"] == pytest.approx(abs(weight["w"] - weight["q"]), abs=2e-4)
    assert last["error"] <= last["half"] * 1.001
    assert answered.params["all"] == len(answers(material, voice, 4, False).rows)


@pytest.mark.parametrize("bits", [2, 4])
def test_changed_answers_are_counted(bits):
    material, fact = sample_material(), shown(bits=bits, grid="channel").facts[2].params
    plain, now = (answers(material, subject_of(material), b, True) for b in (32, bits))
    truth = material.targets[now.rows].tolist()
    pairs = list(zip(plain.logits.argmax(1), now.logits.argmax(1), truth, strict=True))
    assert fact["n"] == sum(a != b for a, b, _ in pairs)
    assert fact["worse"] == sum(a != b and a == t for a, b, t in pairs)
    assert fact["better"] == sum(a != b and b == t for a, b, t in pairs)
    assert fact["accuracy"] == pytest.approx(sum(b == t for _, b, t in pairs) / len(pairs))
    assert fact["first"] == pytest.approx(sum(a == t for a, _, t in pairs) / len(pairs))


def test_floats_are_not_rounded():
    made = shown(bits=32)
    assert [fact.id for fact in made.facts[1:]] == ["lesson.shrink.fact.float"]
    assert made.pictures[1].info.after == ()
    assert not made.photos
    assert not made.steps


def test_the_numbers_of_the_questions():
    found = sample_material().made["sensitivity"]
    assert macs_left(sample_material()) == pytest.approx(
        100 * found.whole.macs[5] / found.whole.macs[0]
    )
    assert least_sensitive(sample_material()).scores[5] == max(
        one.scores[5] for one in found.layers
    )
