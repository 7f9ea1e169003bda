"""Ports for the servers that tests start."""

import itertools
import os
import socket

FIRST, LAST = 10_000, 30_000
"""Below the ephemeral ports. The system hands those to connections, and so takes one while its server restarts."""

# Test processes begin at different places, so that they do not take the same port between the check and its use.
_candidates = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing uses, and that this process has not handed out before."""
    for number in itertools.islice(_candidates, LAST - FIRST):
        port = FIRST + number % (LAST - FIRST)
        if _is_free(port):
            return port
    raise OSError(f"no port between {FIRST} and {LAST} is free on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
