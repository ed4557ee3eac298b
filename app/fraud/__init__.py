"""The fraud benchmark: simulators, features, and the yardstick that models are measured with."""
