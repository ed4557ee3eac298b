"""The stream processors: plain Python over (records, state) -> outputs."""
