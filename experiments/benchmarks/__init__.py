"""Benchmarks against other frameworks: networks, worker processes, rounds, tables."""
