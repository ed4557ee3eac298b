"""Reading and holding a pipeline: the file, the layers above it, its tables."""
