"""The families of refusal. Their message is written for the person (or the model) that reads it.

`web/errors.py` and `gateway/errors.py` each hold the one table from family to status; anything else is a bug.
"""


class PosternError(Exception):
    """A refusal whose message may be shown to whoever asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(PosternError):
    """It does not exist, or it is not theirs: the two are never told apart."""


class NotAllowed(PosternError):
    """It exists and is theirs to see, but not to do this with."""


class Invalid(PosternError):
    """What was sent cannot be understood or breaks a rule; the message says what to send instead."""


class Conflict(PosternError):
    """It was fine once, but the state has moved on."""


class LimitReached(PosternError):
    """A stated limit would be passed; the message says whose, and until when."""


class Unavailable(PosternError):
    """Something Postern depends on does not answer; trying again later may help."""
