"""Where operations come from: records of the inputs, or what a stage before has forwarded."""
