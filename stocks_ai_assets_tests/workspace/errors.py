"""Refusals, as Databricks answers them. Raised anywhere, turned into the answer by `app.py`."""


class Refused(Exception):  # noqa: N818  # an answer of the workspace, not an error of this program
    """The workspace refuses a call: `status` of HTTP, `code` and `message` of the body."""

    def __init__(self, status: int, code: str | int, message: str, *, retry_after=None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after = retry_after


def missing(message: str) -> Refused:
    """404: the object does not exist."""
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", message)


def invalid(message: str) -> Refused:
    """400: a parameter makes no sense."""
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


def exists(message: str, code: str = "RESOURCE_ALREADY_EXISTS") -> Refused:
    """409: there is one already."""
    return Refused(409, code, message)


def denied(message: str) -> Refused:
    """403: the caller may not."""
    return Refused(403, "PERMISSION_DENIED", message)
