import numpy as np

from kd_core.compress.quantise_timing import medians_ms, node_times, time_by_op
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file


def test_files_take_turns_and_all_are_timed(tmp_path):
    file = small_file(tmp_path / "model.onnx", tiny_data())
    image = np.zeros((1, 3, 16, 16), np.float32)
    seen = []
    times = medians_ms(
        [file, file], image, repeats=4, tick=lambda stage, done, total: seen.append(done)
    )
    assert len(times) == 2
    assert all(0 < ms < 1000 for ms in times)
    assert max(seen) == 3


def test_the_profile_holds_every_node_that_computes(tmp_path):
    file = small_file(tmp_path / "model.onnx", tiny_data())
    rows = node_times(file, np.zeros((1, 3, 16, 16), np.float32), repeats=3)
    ops = {row.op for row in rows}
    assert {"Conv", "Gemm"} <= ops
    assert sum(row.op == "Conv" for row in rows) == 3
    table = time_by_op(rows)
    assert abs(sum(row["share"] for row in table) - 1) < 1e-9
    assert [row["ms"] for row in table] == sorted((row["ms"] for row in table), reverse=True)
    assert not list(tmp_path.glob("profile*"))
