"""River's estimators as learners."""
