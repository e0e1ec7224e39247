"""What can go wrong on the way out, in words for whoever registered the address. Reached as net.Forbidden and so on."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import Invalid, Unavailable


class Forbidden(Invalid):
    """An address that we do not call. The message does not name it: what a name means inside is nobody's business.

    address: what it was, for the log.
    """

    def __init__(self, message: str, address: str) -> None:
        super().__init__(message)
        self.address = address


class NoSuchHost(Invalid):
    """The name leads nowhere."""


class NoAnswer(Unavailable):
    """No connection, or nothing over it that could be used."""


class TooSlow(NoAnswer):
    """Not done within the time for all of it."""


class TooLarge(NoAnswer):
    """More than was asked for."""


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what resolver, socket, TLS and http.client raise into these."""
    try:
        yield
    except TimeoutError as problem:
        raise TooSlow("It did not answer in time.") from problem
    except socket.gaierror as problem:
        if problem.errno == socket.EAI_AGAIN:
            raise NoAnswer("The name in the address cannot be looked up just now. Try again.") from problem
        raise NoSuchHost("There is no such host as the one in the address.") from problem
    except UnicodeError as problem:
        raise NoSuchHost("The host in the address is not a name that could exist.") from problem
    except ssl.SSLError as problem:
        raise NoAnswer("Its certificate or its TLS is not in order.") from problem
    except OSError as problem:
        raise NoAnswer("It cannot be reached.") from problem
    except http.client.HTTPException as problem:
        raise NoAnswer("It answered with something that is not HTTP, or broke off.") from problem
