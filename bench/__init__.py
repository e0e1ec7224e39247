"""Benchmarks: how fast gateway and portal are, as ratios to what stands beside them. Never part of the tests."""
