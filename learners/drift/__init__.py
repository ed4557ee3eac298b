"""Changes of what is to be learned: detectors over the loss of a learner, and reactions."""
