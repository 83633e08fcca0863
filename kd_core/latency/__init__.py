"""Latency: measured on this machine, estimated for devices, with everything that it depends on.

measure.py    times a file here; probe.py is the process that does
devices.py    what latency is estimated for
work.py       the operators of a network, from its ONNX file
estimate.py   milliseconds with a band, and the speed-up
footprint.py  memory and storage; energy.py joules
evidence.py   published figures, cleaned; fit.py the numbers they give
"""
