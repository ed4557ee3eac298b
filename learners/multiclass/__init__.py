"""Learners of several classes."""
