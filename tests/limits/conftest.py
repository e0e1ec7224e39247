import tests.properties  # noqa: F401
from tests.asynchronous import pytest_pyfunc_call  # noqa: F401
