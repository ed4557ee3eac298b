"""Errors of the app room. Each is one clear line; none needs a traceback."""


class RiverrunError(Exception):
    """Root of every error that the program explains in one line, without a traceback."""


class KafkaSettingError(RiverrunError, ValueError):
    """A setting of the Kafka clients that is unknown, impossible, or riverrun's own."""


class UnknownKafkaSetting(KafkaSettingError):
    """A setting that librdkafka does not know: nobody knows what its value is."""


class BrokerUnreachable(RiverrunError, ConnectionError):
    """No broker answered in time, or none let the program in."""


class TopicError(RiverrunError):
    """A topic that cannot be created, or that exists in a form that breaks the promise."""


class RightMissing(RiverrunError):
    """What the program must do on the cluster, and its user may not."""


class LocalKafkaError(RiverrunError):
    """The local Kafka cannot be fetched, started or stopped."""


class LocalKafkaInUse(LocalKafkaError):
    """Another program runs a broker on the same folder."""


class RegistryError(RiverrunError):
    """What the schema registry refuses, or does not have."""


class RegistryAway(RegistryError, ConnectionError):
    """The schema registry did not answer in time."""
