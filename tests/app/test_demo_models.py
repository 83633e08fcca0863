"""Models of a really trained study, through their own files."""

import threading

import numpy as np
import pytest

from app import demo_models
from app.demo_answers import agree, answer, answer_prepared
from app.demo_models import Turn
from kd_core.data.images import prepare_image


def test_every_model_of_a_study_answers_and_one_student_is_chosen(filled) -> None:
    found = demo_models.contenders(filled.study)
    assert set(found) == set(filled.runs)
    teacher = demo_models.default_teacher(found)
    assert found[teacher].result.model.role == "teacher"
    (student,) = demo_models.default_students(found, teacher)
    assert found[student].result.model.role == "student"
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    answers = [answer(one, image, decode_ms=2.0) for one in found.values()]
    for one in answers:
        assert one.shown.sum() == pytest.approx(1)
        assert one.timing.total_ms > one.timing.network_ms + 2.0
        assert one.said == one.answers.classes[one.top]
    assert agree([answers[0], answers[0]])


def test_a_prepared_crop_gets_the_same_answer_as_its_image(filled) -> None:
    one = next(iter(demo_models.contenders(filled.study).values()))
    image = np.random.default_rng(1).integers(0, 255, (64, 48, 3), dtype=np.uint8)
    contract = one.contract
    prepared = prepare_image(image, contract.size, contract.channels)
    np.testing.assert_array_equal(answer(one, image).shown, answer_prepared(one, prepared).shown)


def test_a_network_for_explanations_is_the_models_own(filled) -> None:
    one = next(iter(demo_models.contenders(filled.study).values()))
    found = demo_models.network_of(one)
    assert found is not None
    assert found[1] is True


def test_a_place_is_given_back_and_given_way() -> None:
    places = threading.BoundedSemaphore(1)
    turn = Turn(places)
    turn.take()
    assert not places.acquire(blocking=False)
    turn.give_way()
    assert not places.acquire(blocking=False)
    turn.leave()
    turn.leave()  # once is enough; a bounded semaphore would raise
    assert places.acquire(blocking=False)
