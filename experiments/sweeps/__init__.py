"""Controlled experiments: axes, trials, how a trial is run and measured, and its record."""
