"""The one exception of the visitors' door."""


class Refusal(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A request that is not taken. `status` is the answer's, `where` names the part at fault ("" is all of it)."""

    def __init__(self, status: int, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.where = where
