import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from kd_core.lessons.images import chosen_image, entropy, image_options, photo, soft
from tests.helpers_lessons import sample_material

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_softened_probabilities_and_entropy_agree_with_scipy(temperature):
    logits = RNG.normal(0, 6, (30, 4))
    p = soft(logits, temperature)
    np.testing.assert_allclose(p, softmax(logits / temperature, axis=1))
    np.testing.assert_allclose(entropy(p), scipy_entropy(p, axis=1))


def test_an_impossible_class_adds_nothing_to_the_entropy():
    assert entropy(np.array([[1.0, 0.0, 0.0]])) == 0


def test_options_are_images_of_the_part_that_are_what_they_are_called():
    material = sample_material()
    options = image_options(material)
    rows = [int(plain) for plain, _ in options]
    assert len(set(rows)) == len(rows) >= len(material.classes)
    teacher = softmax(material.voice("teacher").logits, axis=1)
    of_right = teacher[np.arange(len(teacher)), material.targets]
    named = {text.id: int(plain) for plain, text in options}
    assert of_right[named["lesson.image.easiest"]] == of_right.max()
    assert of_right[named["lesson.image.hardest"]] == of_right.min()
    confused = named["lesson.image.confused"]
    assert scipy_entropy(teacher[confused]) == pytest.approx(scipy_entropy(teacher.T).max())
    typical = of_right[named["lesson.image.typical"]]
    assert abs(int((of_right < typical).sum()) - len(of_right) / 2) <= 1
    assert {material.targets[row] for row in rows} == set(range(len(material.classes)))


def test_any_special_image_can_lead():
    material = sample_material()
    led = image_options(material, first="behind")
    assert led[0][1].id == "lesson.image.behind"
    assert sorted(dict(led)) == sorted(dict(image_options(material)))


def test_an_unknown_image_is_the_first_one():
    material = sample_material()
    first = int(image_options(material)[0][0])
    for value in ("", "-1", "many", str(len(material.targets))):
        assert chosen_image(material, {"image": value}) == first
    assert chosen_image(material, {"image": "7"}) == 7


def test_a_photo_says_what_both_models_take_it_for():
    material = sample_material()
    row = 7
    shown = photo(material, row)
    assert shown.pixels.shape == material.images.shape[1:]
    said = {
        role: material.classes[softmax(material.voice(role).logits[row]).argmax()]
        for role in ("teacher", "student")
    }
    assert shown.caption.params == {"true": material.classes[material.targets[row]], **said}
