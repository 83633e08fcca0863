import pytest

from kd_core.data.medmnist_table import MEDMNIST

# Images and classes; the organ sets of version 3 have a few images less than the paper of 2023.
PUBLISHED = {
    "pathmnist": (107_180, 9),
    "chestmnist": (112_120, 14),
    "dermamnist": (10_015, 7),
    "octmnist": (109_309, 4),
    "pneumoniamnist": (5_856, 2),
    "retinamnist": (1_600, 5),
    "breastmnist": (780, 2),
    "bloodmnist": (17_092, 8),
    "tissuemnist": (236_386, 8),
    "organamnist": (58_830, 11),
    "organcmnist": (23_583, 11),
    "organsmnist": (25_211, 11),
}


@pytest.mark.parametrize("row", MEDMNIST, ids=lambda row: row.name)
def test_the_table_agrees_with_what_is_published(row):
    assert (row.images, len(row.classes)) == PUBLISHED[row.name]
    assert len({row.md5, row.md5_64}) == 2
    assert row.channels in (1, 3)


def test_only_one_set_has_several_labels_and_one_forbids_commerce():
    assert [row.name for row in MEDMNIST if row.task == "multilabel"] == ["chestmnist"]
    assert [row.name for row in MEDMNIST if row.licence != "CC BY 4.0"] == ["dermamnist"]
