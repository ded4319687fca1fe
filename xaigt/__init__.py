"""Ground-truth benchmarks for explanation methods in medical imaging."""

__version__ = "0.1.0.dev0"
