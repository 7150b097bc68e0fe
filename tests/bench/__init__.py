"""Benchmarks, each with a peer or a limit in the same run.

`make bench` writes their results to metrics/bench.json.
"""
