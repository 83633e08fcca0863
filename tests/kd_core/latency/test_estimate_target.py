from kd_core.latency.estimate_target import Target


def test_a_target_is_a_value_with_a_key():
    target = Target("raspberry_pi_4", "ncnn", 4, "int8")
    assert target == Target(**target.to_json())
    assert target.key == "raspberry_pi_4|ncnn|4|int8"
