"""How fast riverrun is, as ratios against the loop written by hand in the same run."""
