"""Data sets as events: sources, and sending them at a pace."""
