from tests.asynchronous import pytest_pyfunc_call  # noqa: F401
