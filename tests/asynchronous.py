"""Lets tests be coroutines: each runs on a fresh uvloop, the loop that the gateway runs on.

A conftest.py switches it on for its folder: `from tests.asynchronous import pytest_pyfunc_call`.
"""

import asyncio
import inspect

import pytest
import uvloop

from tests.waiting import PATIENCE_S

LONGEST_S = 5 * PATIENCE_S


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LONGEST_S))
    return True


async def until(check, *, timeout_s=PATIENCE_S):
    """The first truthy answer of `check()`, asked at every turn of the loop. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not (found := check()):
            await asyncio.sleep(0.001)
        return found
