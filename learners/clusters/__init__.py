"""Clustering: one algorithm a file."""
