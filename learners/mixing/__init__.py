"""One model out of what several partitions have learned: what each publishes, and the formulas.

Pure functions over numbers, without Kafka. They add in the order of the partitions, in plain
loops, and only with + - x / and square roots, so that every machine gets the same bits.
"""
