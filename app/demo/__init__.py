"""`riverrun demo`: real data through a real Kafka and real workers, one of them killed on the way.

- `ledger`: what was sent and what came back, and so what is missing or doubled.
- `stream`: sends the events at a steady pace, and reads the predictions.
- `workers`: the worker processes, started again when they die.
- `figures`: the numbers of a moment.
- `screen`, `view`: what is shown while it runs; `summary`: what is told at the end.
- `stopping`: Ctrl-C at any moment.
- `run`: all of it together.
"""
