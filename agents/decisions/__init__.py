"""When a prediction is an alert, and why."""
