"""Models as bytes and back, and their fingerprints."""
