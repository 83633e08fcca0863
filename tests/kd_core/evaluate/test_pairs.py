import dataclasses

import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.evaluate.pairs import check_pairs
from tests.helpers_statistics import answers, labels

ONE = answers(np.ones(6, bool), np.repeat(["p", "q"], 3))


def test_the_same_images_of_the_same_patients_fit() -> None:
    check_pairs([ONE], [answers(np.zeros(6, bool), np.repeat(["p", "q"], 3))])
    unknown = labels(np.full((2, 2), 0.5), [[1, np.nan], [0, 1]])
    check_pairs([unknown], [unknown])


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ([], "pairs_empty"),
        ([ONE, ONE], "pairs_differ"),
        ([answers(np.ones(5, bool))], "pairs_differ"),
        ([dataclasses.replace(ONE, targets=1 - ONE.targets)], "pairs_other_truth"),
        ([dataclasses.replace(ONE, patients=None)], "pairs_other_truth"),
    ],
)
def test_anything_else_is_refused(other, code) -> None:
    with pytest.raises(DataError, match=code):
        check_pairs([ONE], other)
