"""Pairs of images, scores, leakage, published baselines, and the tables of these."""
