"""From raw records to events: decoded, checked, as columns."""
