"""What stands before a learner: one step a file, chained as the pipeline file says."""
