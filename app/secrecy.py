"""What must not be shown: values under names that could be secret, and logins in addresses."""

import re

HIDDEN = "***"

_SECRET = re.compile(
    r"pass|pwd|secret|token|credential|auth|private|jaas|\bpem\b|key(?!store\.location|\.location)",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"\S.*@", re.DOTALL)


def is_secret(name: str) -> bool:
    """Whether what this names could be a secret.

    >>> [is_secret(name) for name in ("sasl.password", "ssl.key.location", "learner.api_token")]
    [True, False, True]
    """
    return _SECRET.search(name) is not None


def without_login(address: str) -> str:
    """An address without what stands before its host, such as `user:password@`.

    >>> without_login("ann:geheim@kafka-1:9092")
    '***@kafka-1:9092'
    """
    return _LOGIN.sub(f"{HIDDEN}@", address)
