import csv

import pytest

from kd_core.latency.evidence import Row
from kd_core.latency.evidence_clean import Left, clean, usable, write

RAW = {
    "device": "Raspberry Pi 4 Model B",
    "runtime": "ncnn",
    "threads": "4",
    "precision": "fp16/fp32 (ncnn default)",
    "model": "resnet18",
    "input_size": "224x224",
    "batch": "1",
    "latency_ms": "120.5",
    "source": "github:Tencent/ncnn@x:benchmark/README.md",
    "target_id": "rpi4",
    "backend": "cpu",
    "statistic": "mean",
    "note": "min=118.2 max=130",
}


def test_a_row_comes_out_in_our_words():
    row = usable(RAW)
    assert row.configuration == "raspberry_pi_4|ncnn|4|ncnn_default"
    assert (row.network, row.latency_ms) == ("resnet18@224", 118.2)
    assert row.source == RAW["source"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"precision": "unstated"}, "precision"),
        ({"runtime": "MLPerf Tiny v1.1 bosch"}, "runtime"),
        ({"model": "yolo-fastestv2"}, "network"),
        ({"backend": "npu (cann)"}, "unit"),
        ({"backend": "vulkan-gpu", "precision": "int8"}, "int8 under Vulkan runs on the processor"),
        ({"source": "https://keras.io/api"}, "batch or image not said"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_the_reason(change, why):
    found = usable({**RAW, **change})
    assert isinstance(found, Left)
    assert found.why == why


def test_cleaning_twice_gives_the_same_bytes(tmp_path):
    path = tmp_path / "published.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, RAW)
        writer.writeheader()
        writer.writerows([RAW, {**RAW, "model": "unknown"}])
    rows, left = clean([path])
    assert all(isinstance(row, Row) for row in rows)
    assert sum(left.values()) == 1
    tables = {"resnet18@224": [["conv", 1, 1, 1, 1]]}
    for name in ("one", "two"):
        write(rows, tables, left, tmp_path / name)
    for file in ("rows.csv.gz", "networks.json.gz", "left_out.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
