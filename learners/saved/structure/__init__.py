"""River's estimators as plain data, and back; nothing of what is read is called."""
