import math

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import entropy

from kd_core.lessons.loss_worked import (
    STUDENT,
    STUDENT_A,
    STUDENT_B,
    TEACHER,
    TEACHER_A,
    TEACHER_B,
    worked,
    worked_steps,
)
from tests.helpers_sample import say


def test_results_by_numpy_and_scipy():
    found = worked()
    assert found.nats == pytest.approx(entropy(TEACHER, STUDENT))
    assert found.bits == pytest.approx(entropy(TEACHER, STUDENT, base=2))
    assert found.mse == pytest.approx(np.square(np.subtract(TEACHER_A, STUDENT_A)).mean())
    assert found.cos_teacher == pytest.approx(1 - cosine(TEACHER_A, TEACHER_B))
    assert found.cos_student == pytest.approx(1 - cosine(STUDENT_A, STUDENT_B))
    assert found.gap == pytest.approx((found.cos_teacher - found.cos_student) ** 2)


def test_results_by_hand():
    found = worked()
    # 0.7 ln(0.7/0.5) + 0.2 ln(0.2/0.4) + 0 = 0.235531 − 0.138629
    assert found.nats == pytest.approx(0.0969, abs=5e-5)
    assert found.bits == pytest.approx(0.1398, abs=5e-5)
    assert found.mse == pytest.approx(0.0100, abs=1e-12)  # (0.1² + 0.1²) / 2
    assert found.cos_teacher == pytest.approx(0.68 / 0.85)  # 0.8000
    assert found.cos_student == pytest.approx(0.58 / math.sqrt(0.73 * 0.61))
    assert found.cos_student == pytest.approx(0.8692, abs=5e-5)
    assert found.gap == pytest.approx(0.004784, abs=5e-7)


def test_the_steps_print_these_results():
    printed = [say(step) for step in worked_steps()]
    for line, result in zip(
        printed[1:],
        ["0.0969 nats", "0.1398 bits", "0.0100", "0.8000", "0.8692", "0.004784"],
        strict=True,
    ):
        assert line.endswith(f"**{result}**")
    assert "0.2355 + (−0.1386) + 0.0000" in printed[1]
    assert "0.6800 / (0.9220 · 0.9220)" in printed[4]
