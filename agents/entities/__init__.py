"""The past of whatever a field names, such as a card, as features over windows of event time."""
