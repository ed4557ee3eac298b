"""`riverrun demo`: simulated card payments through a real Kafka, a new fraud, a worker killed.

- `world`: what is simulated, and what is true of each payment.
- `ledger`: what was sent and what came back, and so what is missing or doubled.
- `desk`: alerts, verdicts, and who finds the new fraud.
- `stream`: sends payments and labels, and reads all that the pipeline says.
- `workers`: the worker processes, started again when they die.
- `figures`: the numbers of a moment; `moment`: what is shown of it.
- `cluster`: the pipeline, the Kafka and the topics of a run.
- `screen`, `view`, `spark`: what is shown while it runs; `summary`: what is told at the end.
- `stopping`: Ctrl-C at any moment; `ending`: whether all is done.
- `play`, `run`: all of it together.
"""
