"""The worker: fetch, process, commit, restore."""
