"""The live page of a worker: how good the pipeline is, its latest alerts, and how far it is."""
