import json

import pytest

from kd_core.errors import ExportError
from kd_core.latency.work import KINDS, Work, work_of
from tests.kd_core.latency.helpers_onnx import network


def test_multiplications_are_those_counted_by_hand():
    work = work_of(network(width=8, size=16))
    pixels = 16 * 16
    by_kind = {op.kind: op.macs for op in work.ops if op.macs}
    assert by_kind == {
        "stem": pixels * 8 * 27,
        "depthwise": pixels * 8 * 9,
        "conv1x1": pixels * 64,
        "linear": 40,
    }
    assert work.macs == sum(by_kind.values())
    assert {op.kind for op in work.ops} <= set(KINDS)


def test_what_a_runtime_folds_is_no_operator():
    kinds = [op.kind for op in work_of(network()).ops]
    # no batch norm, no ReLU, no reshape; the swish in two nodes is one activation
    assert kinds == [
        "stem",
        "depthwise",
        "conv1x1",
        "activation",
        "elementwise",
        "pool",
        "linear",
    ]


def test_a_free_batch_is_one_image_and_a_fixed_one_is_counted():
    one, free, four = (work_of(network(batch=batch)) for batch in (1, "n", 4))
    assert free.macs == one.macs
    assert free.key == one.key
    assert four.macs == 4 * one.macs
    assert four.weights == one.weights


def test_width_makes_more_work():
    works = [work_of(network(width=width)) for width in (8, 16, 32)]
    assert works[0].macs < works[1].macs < works[2].macs
    assert works[0].peak_activation < works[1].peak_activation < works[2].peak_activation


def test_json_keeps_everything():
    work = work_of(network())
    again = Work.from_json(json.loads(json.dumps(work.to_json())))
    assert again == work
    assert again.key == work.key


def test_zeros_among_the_weights_are_seen():
    assert work_of(network()).sparsity == 0
    assert 0.4 < work_of(network(sparse=True)).sparsity < 0.6


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x08\x07" * 40])
def test_a_broken_file_gets_one_sentence(content):
    with pytest.raises(ExportError, match="estimate_unreadable"):
        work_of(content)


def test_a_cut_file_and_a_missing_one_are_refused(tmp_path):
    whole = network().SerializeToString()
    for length in (20, len(whole) // 2, len(whole) - 7):
        with pytest.raises(ExportError):
            work_of(whole[:length])
    with pytest.raises(ExportError, match="file_missing"):
        work_of(tmp_path / "none.onnx")


def test_a_free_image_size_is_asked_for():
    model = network()
    for place in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[place].dim_param = "side"
    with pytest.raises(ExportError, match="estimate_free_size"):
        work_of(model)
    assert work_of(model, size=16).macs == work_of(network()).macs
