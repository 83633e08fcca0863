from kd_core.figures.chain_path import add_paths, chain_paths
from kd_core.figures.trade_off import ModelPoint, trade_off_figure, trade_off_info


def point(arm: str, seed: int, value: float, size: int) -> ModelPoint:
    return ModelPoint(f"{arm}-s{seed}", arm, "teacher", seed, value, value, value, size)


POINTS = [
    point("teacher", 0, 0.9, 40_000_000),
    point("pq/1-prune", 0, 0.8, 20_000_000),
    point("pq/1-prune", 1, 0.9, 20_000_000),
    point("pq/2-int8", 0, 0.8, 5_000_000),
]
INFO = trade_off_info(POINTS, "size_bytes", "accuracy")


def test_a_path_goes_from_the_origin_over_the_means_of_each_step():
    (path,) = chain_paths(INFO, [("pq", ["teacher", "pq/1-prune", "pq/2-int8"])])
    assert path.x == (40, 20, 5)
    assert [round(y, 3) for y in path.y] == [0.9, 0.85, 0.8]


def test_what_is_not_drawn_is_passed_over_and_one_point_is_no_path():
    found = chain_paths(INFO, [("a", ["teacher", "gone", "pq/2-int8"]), ("b", ["teacher", "gone"])])
    assert [(path.name, path.x) for path in found] == [("a", (40, 5))]


def test_lines_lie_behind_the_models_and_the_figure_stays_as_it_was():
    plain = trade_off_figure(INFO, lambda msg: msg.id)
    drawn = add_paths(plain, chain_paths(INFO, [("pq", ["teacher", "pq/2-int8"])]))
    assert drawn.data[0].name == "pq"
    assert drawn.data[1:] == plain.data
    assert drawn.layout == plain.layout
