from kd_core.latency.devices import DEVICES


def test_power_is_a_range_with_its_source():
    for device in map(DEVICES.__getitem__, DEVICES):
        if device.power:
            assert 0 < device.power.typical_w <= device.power.load_w
            assert device.power.source


def test_graphics_cards_have_a_peak():
    cards = [device for _, device in DEVICES.items() if device.kind == "gpu"]
    assert all(card.gpu_gflops > 1000 for card in cards)
