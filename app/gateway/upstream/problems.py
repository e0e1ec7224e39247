"""What can go wrong with an integration, as types: whoever catches one decides words and status by its class."""


class UpstreamProblem(Exception):
    """An exchange with an integration that did not come to a good end. The text is for logs, never for callers."""


class Unreachable(UpstreamProblem):
    """No connection: refused, no such host, no route, or TLS could not be agreed. Nothing was sent."""


class Forbidden(UpstreamProblem):
    """It is at an address that we do not call (docs/adr/0008). Nothing was sent; it may be in the best of health."""


class Busy(UpstreamProblem):
    """Every connection that we allow to this integration stayed in use. Nothing was sent."""


class TimedOut(UpstreamProblem):
    """Connecting, the first byte, a silence or the whole answer took longer than its limit."""


class BrokeOff(UpstreamProblem):
    """The connection ended before the answer did."""


class BadAnswer(UpstreamProblem):
    """What came back is not HTTP, is too large where sizes are limited, or uses something we never asked for."""


class CallerGone(UpstreamProblem):
    """Not the integration's fault: whoever asked has hung up, so nobody is left to answer."""


class ErrorStatus(UpstreamProblem):
    """It answered with nothing that MCP speaks of under 4xx or 5xx, or with a redirect, which we do not follow."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class LockedOut(UpstreamProblem):
    """It answered 401, 403 or 407 to the gateway: its own affair, which must not look like the caller's key."""


class ShuttingDown(UpstreamProblem):
    """Not the integration's fault: the gateway is about to stop and ends streams that would outlive it."""
