"""What enrich has done with the rows of the inbox."""

import msgspec
from msgspec.structs import astuple


class EnrichReport(msgspec.Struct, frozen=True):
    """claimed = stored + duplicates + refused + quarantined.

    `claimed` is 0 when nothing waits, when another process enriches, and when all projects with waiting events are
    stopped.
    """

    claimed: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    quarantined: int = 0

    def __add__(self, other: "EnrichReport") -> "EnrichReport":
        return EnrichReport(
            *(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))
        )
