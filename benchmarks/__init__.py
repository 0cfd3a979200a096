"""Ratios, measured side by side in one run, printed as tables: `python -m benchmarks.NAME`."""
