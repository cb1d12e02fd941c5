"""Evaluation: pairs of images, scores and their tables, leakage, published baselines."""
