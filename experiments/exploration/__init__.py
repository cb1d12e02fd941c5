"""Exploring a set of images: measurements, tables, figures."""
