from kd_core.compress.wizard_outcome import Trial, choose


def test_the_fastest_is_chosen_only_where_it_is_really_faster():
    float_file = Trial("", latency_ms=10.0, keeps=True, size_bytes=100)
    noise = Trial("int8", latency_ms=9.9, keeps=True, size_bytes=50)
    outside = Trial("fp16", latency_ms=1.0, keeps=False, size_bytes=10)
    faster = Trial("int8_mixed", latency_ms=7.0, keeps=True, size_bytes=60)
    assert choose([float_file, noise, outside], "fastest") == 0
    assert choose([float_file, noise, outside, faster], "fastest") == 3
    assert choose([float_file, noise, outside, faster], "smallest") == 1
