"""Ensembles and classes divided among several learners."""
