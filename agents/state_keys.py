"""The keys of a state's entries. They lie on Kafka: they must stay as they are.

An id or a value of an entity is written as JSON after its prefix; see ``agents.keys``. What each
of them holds is in docs/how-it-works.md, "The entries of a state".
"""

LABEL = "label/"
"""Before the id of an event that waits for its label, or had it, or of an early label."""
LABEL_TIME = "label-time"
LABEL_COUNTS = "label-counts"
ROW = "row/"
"""Before the id of an event whose features wait."""
ROW_NAMES = "row"
ENTITY = "entity/"
"""Before the number of a table; after a slash, the value of its entity."""
DECISIONS_NOW = "decisions/now"
DECISIONS_PAST = "decisions/past"
EVALUATION = "judge/"
"""Before the start of an open window, and the number of a piece of it."""
EVALUATION_DETECTED = "judge/caught/"
EVALUATION_CLOCK = "judge/clock"
HISTORY = "history/"
"""Before the id of an event, with what was said of it, until its label has come."""
FROZEN = "frozen"
MIXED = "mixed"
"""The part of a partition in a model that all partitions mix."""
MANY = (LABEL, ROW, ENTITY)
"""Prefixes of so many entries that a store has a table for each."""
