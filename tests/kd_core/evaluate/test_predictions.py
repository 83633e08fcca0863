import dataclasses

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from kd_core.errors import DataError, StoreError
from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions

LOGITS = np.random.default_rng(0).normal(0, 3, (6, 3)).astype(np.float32)
ONE = Predictions(
    ids=tuple("uvwxyz"),
    targets=np.array([0, 1, 2, 0, 1, 2]),
    logits=LOGITS,
    part="val",
    seed=4,
    classes=("a", "b", "c"),
    patients=np.array(["p", "p", "q", "q", "r", "r"]),
    groups={"site": np.array(["x", "y"] * 3)},
)
LABELS = np.array([[1, np.nan, 0]] * 6, np.float32)
SEVERAL = dataclasses.replace(ONE, targets=LABELS, task="multilabel", patients=None)


def test_probabilities_agree_with_torch() -> None:
    logits = torch.from_numpy(LOGITS)
    np.testing.assert_allclose(ONE.probabilities(), logits.softmax(1), atol=1e-6)
    np.testing.assert_allclose(SEVERAL.probabilities(), logits.sigmoid(), atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    huge = np.array([[2e4, -2e4, 0]] * 6, np.float32)
    for predictions in (ONE, SEVERAL):
        p = dataclasses.replace(predictions, logits=huge).probabilities()
        np.testing.assert_allclose(p[0, :2], [1, 0])


def test_answers() -> None:
    np.testing.assert_array_equal(ONE.predicted(), LOGITS.argmax(1))
    np.testing.assert_array_equal(SEVERAL.predicted(), SEVERAL.probabilities() > 0.5)


@pytest.mark.parametrize("predictions", [ONE, SEVERAL], ids=["one label", "several"])
def test_a_file_gives_back_what_was_written(tmp_path, predictions) -> None:
    write_predictions(tmp_path / "p.parquet", predictions)
    again = read_predictions(tmp_path / "p.parquet")
    for field in dataclasses.fields(Predictions):
        before, after = getattr(predictions, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)
        elif field.name != "groups":
            assert before == after
    assert again.groups["site"].tolist() == ["x", "y"] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_a_file_is_readable_without_us(tmp_path) -> None:
    write_predictions(tmp_path / "p.parquet", SEVERAL)
    frame = pd.read_parquet(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(frame, SEVERAL.to_frame(), check_dtype=False)
    assert list(frame.columns) == [
        *("image", "patient", "part", "seed"),
        *("logit:a", "logit:b", "logit:c", "label:a", "label:b", "label:c", "group:site"),
    ]
    assert frame["label:b"].isna().all()
    assert frame["patient"].isna().all()


def test_an_empty_part_can_be_written(tmp_path) -> None:
    empty = Predictions(
        (), np.zeros(0, np.int64), np.zeros((0, 2), np.float32), "val", 0, ("a", "b")
    )
    write_predictions(tmp_path / "p.parquet", empty)
    assert len(read_predictions(tmp_path / "p.parquet")) == 0


def test_a_file_that_is_none_is_named(tmp_path) -> None:
    path = tmp_path / "p.parquet"
    path.write_text("not a table")
    with pytest.raises(StoreError, match="predictions_unreadable"):
        read_predictions(path)
    pd.DataFrame({"image": ["a"]}).to_parquet(path)
    with pytest.raises(StoreError, match="predictions_unreadable"):
        read_predictions(path)
    write_predictions(path, ONE)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["label"]), path)
    with pytest.raises(StoreError, match="predictions_unreadable"):
        read_predictions(path)


@pytest.mark.parametrize(
    "change",
    [
        {"logits": LOGITS[:5]},
        {"logits": LOGITS[:, :2]},
        {"targets": np.array([0, 1, 2, 0, 1, 3])},
        {"targets": np.array([0, 1, 2, 0, 1, -1])},
        {"targets": LABELS},
        {"task": "multilabel"},
        {"patients": np.array(["p"])},
        {"groups": {"site": np.array(["x"])}},
    ],
    ids=lambda change: "+".join(change),
)
def test_what_does_not_fit_together_is_refused(change) -> None:
    with pytest.raises(DataError, match="predictions_shape"):
        dataclasses.replace(ONE, **change)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_refused(value) -> None:
    logits = LOGITS.copy()
    logits[2, 1] = value
    with pytest.raises(DataError) as caught:
        dataclasses.replace(ONE, logits=logits)
    assert caught.value.code == "predictions_not_finite"
    assert caught.value.fields == {"images": 6, "wrong": 1}
