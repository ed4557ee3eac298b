"""Evaluates predictions when their labels come, in windows of event time."""
