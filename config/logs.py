"""Log lines without secrets. Logs are copied into tickets and read by more people than the data is."""

import logging
import re

REPLACEMENTS = (
    (re.compile(r"/sign-in/[\w-]{20,}"), "/sign-in/…"),
    # API keys, identity secrets and signed tokens.
    (re.compile(r"\b(fh[ks]_)[\w-]+"), r"\1…"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "eyJ…"),
    # The same keys as in Basic authentication: fhk_ and fhs_ in base64.
    (re.compile(r"\bZmh[rz]X[\w+/]+=*"), "Zmh…"),
    # Passwords in addresses of databases, brokers and mail servers.
    (re.compile(r"(\w://[^\s:/@]*):[^\s@/]+@"), r"\1:…@"),
    (re.compile(r"\?[^\s?'\"<>=]+=[^\s'\"<>]*"), "?…"),
)


def without_secrets(text: str) -> str:
    """The text without tokens, keys, passwords and the query strings of addresses."""
    for pattern, replacement in REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


class Formatter(logging.Formatter):
    """Removes secrets from the whole entry: message, arguments and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))
