import json

import numpy as np
import pytest
import torch

from kd_core.errors import JobError, StoreError
from kd_core.train.checkpoint import network_hash
from kd_core.train.loader import Pixels
from kd_core.train.teacher_cache import TeacherCache, cache_key, drop
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet

DATA = tiny_data()
LOGITS = torch.randn(10, 4)


def pixels(**changes):
    settings = {"mean": DATA.mean, "std": DATA.std, "device": torch.device("cpu"), **changes}
    return Pixels(DATA.parts["train"], **settings)


def cache(root, key="one", **changes):
    return TeacherCache(root, {"teacher": key}, **{"images": 10, "views": 3, **changes})


def batches():
    return ({"logits": LOGITS[start : start + 4]} for start in range(0, 10, 4))


def test_stored_outputs_are_read_back_in_any_order_by_anyone_with_the_key(tmp_path):
    cache(tmp_path).fill(2, batches())
    other = cache(tmp_path)
    assert other.has(2)
    assert not other.has(0)
    assert not cache(tmp_path, "two").has(2)
    index = torch.tensor([9, 0, 4, 4])
    assert torch.equal(other.read(2, index)["logits"], LOGITS[index])


def test_files_are_plain_numpy_and_say_what_they_are(tmp_path):
    made = cache(tmp_path)
    made.fill(0, batches())
    stored = np.load(made.folder / "view-0000" / "logits.npy", allow_pickle=False)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, LOGITS.numpy())
    about = json.loads((made.folder / "key.json").read_text())
    assert about == {"teacher": "one", "bytes_per_image": 16, "views": 3}


def test_outputs_of_any_shape_and_name_fit(tmp_path):
    maps = torch.randn(10, 2, 3, 3).half()
    made = cache(tmp_path)
    made.fill(0, iter([{"logits": LOGITS, "maps": maps}]))
    read = made.read(0, torch.arange(10))
    assert torch.equal(read["maps"], maps.float())
    assert torch.equal(read["logits"], LOGITS)


@pytest.mark.parametrize("error", [JobError("cancelled"), OSError(28, "No space left on device")])
def test_a_view_that_is_cut_short_leaves_nothing(tmp_path, error):
    def cut_short():
        yield {"logits": LOGITS[:4]}
        raise error

    made = cache(tmp_path)
    with pytest.raises((JobError, StoreError)) as caught:
        made.fill(0, cut_short())
    assert caught.value.code == ("cancelled" if isinstance(error, JobError) else "disk_full")
    assert not made.has(0)
    assert list(made.folder.iterdir()) == []


def test_two_runs_that_fill_the_same_view_agree(tmp_path):
    def meanwhile():
        cache(tmp_path).fill(0, batches())
        yield from batches()

    made = cache(tmp_path)
    made.fill(0, meanwhile())
    assert torch.equal(made.read(0, torch.arange(10))["logits"], LOGITS)
    assert {path.name for path in made.folder.iterdir()} == {"key.json", "view-0000"}


def test_a_cache_beyond_the_limit_is_refused_before_it_begins(tmp_path):
    made = cache(tmp_path, limit_bytes=10 * 3 * 16 - 1)
    with pytest.raises(StoreError) as caught:
        made.fill(0, batches())
    assert caught.value.code == "teacher_outputs_too_large"
    assert caught.value.fields["needed_bytes"] == 10 * 3 * 16
    cache(tmp_path, limit_bytes=10 * 3 * 16).fill(0, batches())


def test_key_has_everything_that_outputs_depend_on():
    keys = [
        cache_key(TinyNet().eval(), DATA, pixels(), "logits"),
        cache_key(TinyNet(seed=1).eval(), DATA, pixels(), "logits"),
        cache_key(TinyNet().eval(), tiny_data(seed=1), pixels(), "logits"),
        cache_key(TinyNet().eval(), tiny_data(size=32), pixels(), "logits"),
        cache_key(TinyNet().eval(), DATA, pixels(augment="cells"), "logits"),
        cache_key(TinyNet().eval(), DATA, pixels(seed=3), "logits"),
        cache_key(TinyNet().eval(), DATA, pixels(mean=(0.5, 0.5, 0.5)), "logits"),
    ]
    texts = {json.dumps(key, sort_keys=True) for key in keys}
    assert len(texts) == len(keys)
    assert keys[0] == cache_key(TinyNet().eval(), DATA, pixels(), "logits")
    assert keys[0]["teacher"] == network_hash(TinyNet())


def test_a_teacher_that_hides_its_weights_has_a_key_of_its_own():
    class Hidden(torch.nn.Module):
        def __init__(self, seed):
            super().__init__()
            self.net = [TinyNet(seed=seed).eval()]

        def forward(self, images):
            return self.net[0](images)

    one, two = (cache_key(Hidden(seed), DATA, pixels(), "logits") for seed in (0, 1))
    assert one["teacher"] == two["teacher"]
    assert one["answers"] != two["answers"]


def test_outputs_of_a_data_set_can_be_dropped(tmp_path):
    for name in ("one", "two"):
        TeacherCache(tmp_path, {"data": name}, images=10, views=1).fill(0, batches())
    assert drop(tmp_path, "one") > 160
    assert not TeacherCache(tmp_path, {"data": "one"}, images=10, views=1).has(0)
    assert TeacherCache(tmp_path, {"data": "two"}, images=10, views=1).has(0)
    assert drop(tmp_path, "one") == 0
