"""The commands of `riverrun`, one a file. They import what they need when they run."""
