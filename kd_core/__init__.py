"""KD Lab's engine: data, models, distillation, evaluation, export, latency and runs.

Nothing below this package imports streamlit. Read ``study/pipeline.py`` first: it is the one
place that knows the whole way from a data set to a recorded study.
"""

__version__ = "0.1.0"
