"""Entries of a state as bytes in a few arrays, a slot for each: for keys that are many."""
