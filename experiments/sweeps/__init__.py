"""Controlled experiments: what is varied, how one run is made and measured, what is recorded."""
