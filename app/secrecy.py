"""What must not be shown: values under names that could be secret, and logins in addresses."""

import re

HIDDEN = "***"

_PARAMETER = re.compile(r"[?&;]([^=&;?\s]+)=([^&;\s]+)")
_SECRET = re.compile(
    r"pass|pwd|secret|token|credential|auth|private|jaas|\bpem\b|key(?!store\.location|\.location)",
    re.IGNORECASE,
)
LOGIN_IN_URL = re.compile(r"//\S*@")
"""Of a URL within a text."""
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


def has_secret(url: str) -> bool:
    """Whether a URL holds a login or a parameter that is one, such as `?password=x`.

    >>> [has_secret(f"mongodb://{rest}") for rest in ("host/?ssl=true", ":@host", "ann:x@host")]
    [False, False, True]
    """
    logins = (found[0].strip("/:@") for found in LOGIN_IN_URL.finditer(url))
    return any(logins) or any(is_secret(name) for name, _ in _PARAMETER.findall(url))


def without_logins(text: str) -> str:
    """A text whose URLs have lost their logins and secret parameters.

    >>> without_logins("no answer from mongodb://ann:x@host/?password=y at all")
    'no answer from mongodb://***@host/?password=*** at all'
    """
    hidden = LOGIN_IN_URL.sub(f"//{HIDDEN}@", text)
    return _PARAMETER.sub(
        lambda found: (
            found[0].replace(f"={found[2]}", f"={HIDDEN}") if is_secret(found[1]) else found[0]
        ),
        hidden,
    )
