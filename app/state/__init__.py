"""Checks and repairs the state of a pipeline that stands still."""
