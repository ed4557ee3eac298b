"""The Faust shell: the app, and its transport over confluent-kafka."""
