import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from kd_core.data.splits import PARTS, assign_parts, split_groups
from kd_core.errors import DataError

RNG = np.random.default_rng(0)
LABELS = RNG.choice(4, 600, p=[0.5, 0.3, 0.15, 0.05])
PATIENTS = np.array([f"p{i}" for i in RNG.integers(0, 120, 600)])
ALONE = np.arange(600).astype(str)


def shares(parts, labels=LABELS):
    """Share of each part within each class, (P, K)."""
    return np.array([[(parts[labels == k] == p).mean() for k in range(4)] for p in PARTS])


def test_every_class_has_its_share():
    parts = assign_parts(None, LABELS, ALONE)
    assert np.abs(shares(parts) - [[0.7], [0.15], [0.15]]).max() < 0.03


def test_patients_stay_in_one_part_about_as_even_as_scikit_learn():
    parts = assign_parts(None, LABELS, PATIENTS, val_share=0.2, test_share=0.2)
    for patient in set(PATIENTS):
        assert len(set(parts[patient == PATIENTS])) == 1
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(LABELS, LABELS, PATIENTS)
    theirs = np.array(
        [[(LABELS[test] == k).sum() / (k == LABELS).sum() for k in range(4)] for _, test in folds]
    )
    mine = shares(parts)[1:]
    assert np.abs(mine - 0.2).max() <= max(np.abs(theirs - 0.2).max(), 0.05)


def test_a_patient_too_large_for_a_test_part_goes_to_train():
    patients = np.where(np.arange(600) < 240, "large", PATIENTS)
    parts = assign_parts(None, LABELS, patients)
    assert set(parts[:240]) == {"train"}
    assert np.abs([(parts == p).mean() for p in PARTS] - np.array([0.7, 0.15, 0.15])).max() < 0.02


def test_rare_labels_of_a_multilabel_set_reach_every_part():
    targets = np.zeros((300, 3), np.float32)
    targets[:150, 0] = 1
    targets[RNG.permutation(300)[:3], 1] = 1
    targets[RNG.permutation(300)[:30], 2] = np.nan
    parts = assign_parts(None, targets, ALONE[:300])
    assert [(targets[parts == p, 1] == 1).sum() for p in PARTS] == [1, 1, 1]


def test_the_seed_decides():
    once, again, other = (assign_parts(None, LABELS, ALONE, seed=s) for s in (3, 3, 4))
    assert (once == again).all()
    assert (once != other).any()


def test_given_parts_are_kept():
    given = RNG.choice(PARTS, 600)
    assert (assign_parts(given, LABELS, ALONE) == given).all()


@pytest.mark.parametrize("missing", ["val", "test"])
def test_only_a_missing_part_is_taken_from_train(missing):
    given = RNG.choice([p for p in PARTS if p != missing], 600)
    parts = assign_parts(given, LABELS, PATIENTS)
    changed = parts != given
    assert set(given[changed]) == {"train"}
    assert set(parts[changed]) == {missing}
    assert changed.sum() / (given == "train").sum() == pytest.approx(0.15, abs=0.03)


def test_a_set_without_train_stays_as_it_is():
    given = np.full(600, "test")
    assert (assign_parts(given, LABELS, ALONE) == given).all()


def test_policies_overrule_given_parts():
    given = np.full(600, "train")
    assert set(assign_parts(given, LABELS, ALONE, policy="test_only")) == {"test"}
    assert set(assign_parts(given, LABELS, ALONE, policy="new")) == set(PARTS)


def test_too_few_patients_are_refused():
    with pytest.raises(DataError, match="split_too_small"):
        assign_parts(None, LABELS, np.where(np.arange(600) < 300, "a", "b"))


def test_three_of_each_class_are_one_in_each_part():
    labels = np.repeat([0, 1], 3)
    parts = split_groups(labels, np.arange(6), {"val": 0.15, "test": 0.15}, seed=0)
    assert sorted(zip(labels, parts, strict=True)) == [
        (k, part) for k in (0, 1) for part in sorted(PARTS)
    ]
