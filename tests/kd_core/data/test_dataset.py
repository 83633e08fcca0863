import numpy as np
import pandas as pd
import pytest

from kd_core.data.dataset import GROUP, LABEL, Dataset, DatasetInfo, content_hash
from kd_core.data.originals import ArrayImages
from kd_core.data.windows import Window
from kd_core.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
IMAGES = ArrayImages(PIXELS, (0, 1, 2, 3))
TABLE = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "part": ["train", "train", "val", "test"],
        "patient": ["p", "p", "", "q"],
        "sha256": [IMAGES.open(i)[0] for i in range(4)],
        "label": [0, 1, 1, 0],
        GROUP + "site": ["n", "s", "n", "s"],
    }
)
INFO = DatasetInfo(
    name="tiny", task="classification", classes=("no", "yes"), channels=1, source="npz",
    options={}, window=Window(),
)  # fmt: skip
DATA = Dataset(INFO, TABLE, IMAGES)


def hash_of(table=TABLE, task="classification", classes=("no", "yes"), channels=1, window=None):
    return content_hash(table, task, classes, channels, window or Window())


def test_order_does_not_change_the_hash_but_content_does():
    same = TABLE.sample(frac=1, random_state=1).assign(**{GROUP + "site": "?"})
    assert hash_of(same) == hash_of()
    changes = {"id": "z", "part": "val", "patient": "r", "sha256": "0", "label": 1}
    tables = [TABLE.copy() for _ in changes]
    for table, (column, value) in zip(tables, changes.items(), strict=True):
        table.loc[0, column] = value
    hashes = {hash_of(table) for table in tables}
    hashes |= {hash_of(task="multilabel"), hash_of(classes=("yes", "no")), hash_of(channels=3)}
    hashes |= {hash_of(), hash_of(window=Window(kind="full"))}
    assert len(hashes) == 10


def test_unknown_labels_count_in_the_hash():
    columns = {LABEL + "a": [0.0, 1, 0, 1], LABEL + "b": [0, np.nan, 1, 0]}
    table = TABLE.drop(columns="label").assign(**columns)
    known = table.fillna({LABEL + "b": 0})
    assert hash_of(table) != hash_of(known)


def test_counts_parts_and_groups():
    assert DATA.counts() == {
        "no": {"train": 1, "val": 0, "test": 1},
        "yes": {"train": 1, "val": 1, "test": 0},
    }
    assert DATA.part_sizes == {"train": 2, "val": 1, "test": 1}
    assert DATA.rows("val") == slice(2, 3)
    assert DATA.rows("external") == slice(0, 0)
    assert DATA.groups == ("site",)
    assert DATA.has_patients
    assert DATA.targets().flags.writeable


def test_labels_of_several_columns_are_counted_where_they_are_one():
    columns = {LABEL + "a": [1.0, 1, 0, 1], LABEL + "b": [0, np.nan, 1, 0]}
    table = TABLE.drop(columns="label").assign(**columns)
    data = Dataset(INFO.change(task="multilabel", classes=("a", "b")), table, IMAGES)
    assert data.targets().dtype == np.float32
    assert data.targets().flags.writeable
    assert data.counts()["b"] == {"train": 0, "val": 1, "test": 0}


def test_images_come_with_the_channels_of_the_set():
    assert DATA.read(0).shape == (5, 5, 1)
    assert (Dataset(INFO.change(channels=3), TABLE, IMAGES).read(2) == PIXELS[2]).all()


def test_an_image_that_changed_is_refused():
    changed = ArrayImages(PIXELS + 1, IMAGES.rows)
    with pytest.raises(DataError, match="image_changed"):
        Dataset(INFO, TABLE, changed).read(0)


def test_the_manifest_survives_json():
    assert DatasetInfo.from_json(INFO.to_json()) == INFO
    assert DATA.title == "tiny"
