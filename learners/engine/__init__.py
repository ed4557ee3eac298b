"""The machinery of our own learners: columns, rows and compiled kernels."""
