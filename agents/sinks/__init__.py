"""Where operations go to: the next stage, or the model and those who read its predictions."""
