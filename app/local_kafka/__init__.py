"""A real Apache Kafka of one's own on loopback: no root, no Docker, nothing to install.

Two uses, one broker:

- `LocalKafka` belongs to the program that starts it: the demo, a test. It has a data folder and
  ports of its own and ends with the program, even one that is killed with -9.
- `start_background` leaves one running for the user (`riverrun kafka start`): one for each data
  folder. Whoever starts it again is given the address of the one that runs.

They share only the JARs, which are fetched once. A program never takes over a broker that it
finds running: to use the one in the background, name its address as that of any cluster.
"""

from app.local_kafka.background import start_background, status, stop_background
from app.local_kafka.home import Status
from app.local_kafka.install import KAFKA_VERSION
from app.local_kafka.server import LocalKafka

__all__ = [
    "KAFKA_VERSION",
    "LocalKafka",
    "Status",
    "start_background",
    "status",
    "stop_background",
]
