import math

import numpy as np
import pytest
from scipy.stats import binomtest

from kd_core.export import FileContract
from kd_core.slides.answers import answers_of
from kd_core.slides.counts import Share, count, counts_of, default_roles, is_smear

SAMPLE = ("healthy", "ring", "trophozoite", "schizont", "confuser")


def answers(chosen, classes=SAMPLE, task="classification"):
    contract = FileContract(classes=classes, mean=(0.5,), std=(0.2,), size=8, channels=1, task=task)
    return answers_of(10.0 * np.eye(len(classes))[chosen] - 5, contract)


def test_the_sample_s_classes():
    infected = ["ring", "trophozoite", "schizont"]
    roles = default_roles(SAMPLE)
    assert [name for name, role in roles.items() if role == "infected"] == infected
    assert roles["confuser"] == "uninfected"  # a red cell with a platelet on it


@pytest.mark.parametrize(
    ("classes", "roles"),
    [
        (("no_parasite", "parasite"), ("uninfected", "infected")),
        (("Uninfected", "Parasitized"), ("uninfected", "infected")),
        (("platelet", "WBC", "RBC"), ("no_red_cell", "no_red_cell", "uninfected")),
    ],
)
def test_other_names(classes, roles):
    assert tuple(default_roles(classes).values()) == roles


def test_parasitaemia_with_its_interval():
    found = count(answers([0] * 90 + [1] * 6 + [2] * 2 + [4] * 2))
    assert found.by_class == {
        "healthy": 90,
        "ring": 6,
        "trophozoite": 2,
        "schizont": 0,
        "confuser": 2,
    }
    assert found.total == 100
    expected = binomtest(8, 100).proportion_ci(method="wilson")
    share = found.parasitaemia
    assert (share.value, share.part, share.whole) == (0.08, 8, 100)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_what_is_no_red_cell_does_not_count():
    classes = ("healthy", "ring", "platelet")
    found = count(answers([0, 0, 0, 1, 2, 2], classes))
    assert found.parasitaemia.value == 0.25
    roles = {"healthy": "uninfected", "ring": "infected", "platelet": "uninfected"}
    assert count(answers([0, 0, 0, 1, 2, 2], classes), roles).parasitaemia.value == 1 / 6


def test_classes_without_parasites_have_no_parasitaemia():
    assert count(answers([0, 1], ("cat", "dog"))).parasitaemia is None
    assert not is_smear(default_roles(("normal", "pneumonia")))


def test_labels_are_counted_by_label():
    found = count(answers([0, 0, 1], ("a", "b"), "multilabel"))
    assert found.by_class == {"a": 2, "b": 1}
    assert found.parasitaemia is None


def test_no_cells():
    found = count(answers(np.array([], int)))
    assert found.total == 0
    assert math.isnan(found.parasitaemia.value)
    assert math.isnan(Share.of(0, 0).low)


def test_the_truth_is_counted_likewise():
    assert counts_of({"healthy": 3, "ring": 1}, 4).parasitaemia.value == 0.25
