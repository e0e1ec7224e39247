"""Keeping a handful of processes running until told to stop, and leaving none behind."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from app.sandbox.child import Child
from app.sandbox.commands import Command

READY_WITHIN_S = 180  # much longer than it takes: a busy machine is no reason to give up
STOP_WITHIN_S = 10
RESTARTS = 5
FIRST_PAUSE_S = 0.5  # before starting a process again; doubles each time
STEADY_S = 60  # a process that lived so long may fail RESTARTS times anew
SHOW_EVERY_S = 0.2
LAST_LINES = 15


class Supervisor:
    """Runs `commands`, each with a log in the folder `logs`.

    once_ready: by a command's name, what is done in a thread when it first answers, before it counts as ready.
    """

    def __init__(
        self, commands: Sequence[Command], logs: Path, once_ready: Mapping[str, Callable[[], None]] | None = None
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._once_ready = once_ready or {}
        self._children = [Child(command, logs) for command in commands]
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()

    async def run(self, welcome: Callable[[float], str]) -> int:
        """Start all, show welcome(seconds it took) once all answer, keep them until SIGINT, SIGTERM or SIGHUP.

        Answers the exit code: 0 when stopped by a signal, 1 when a process couldn't be kept running. A second signal
        doesn't wait for the processes to end in good order.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._told_to_stop)
        showing = asyncio.create_task(self._show_alarms())
        working = asyncio.create_task(self._work(welcome))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            return 0 if self._stop.is_set() else await working
        finally:
            await _cancel(working, stopping)
            await self._stop_all()
            await _cancel(showing)

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._kill.set()
        self._stop.set()

    async def _work(self, welcome: Callable[[float], str]) -> int:
        """Start and keep all; ends only when one can't be kept, with the exit code for that."""
        started_at = time.monotonic()
        try:
            for child in self._children:
                await child.start()
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(self._until_ready(child))
            say(welcome(time.monotonic() - started_at))
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(_keep(child))
        except* _GaveUp:
            pass  # why has been said
        return 1

    async def _until_ready(self, child: Child) -> None:
        await _until_ready(child)
        if child.command.name in self._once_ready:
            await asyncio.to_thread(self._once_ready[child.command.name])

    async def _stop_all(self) -> None:
        ends: list[asyncio.Task[Any]] = []
        for child in self._children:
            if child.was_started:
                child.send(signal.SIGTERM)
                ends.append(asyncio.create_task(child.ended()))
        if not ends:
            return
        all_ended: asyncio.Future[Any] = asyncio.gather(*ends)
        killing: asyncio.Task[Any] = asyncio.create_task(self._kill.wait())
        await asyncio.wait([all_ended, killing], timeout=STOP_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for child in self._children:
            child.send(signal.SIGKILL)  # also whoever a process that ended has left in its group
        await all_ended
        await _cancel(killing)

    async def _show_alarms(self) -> None:
        while True:
            for child in self._children:
                for line in child.tail.alarms():
                    say(f"{child.command.name:<9} {line}")
            await asyncio.sleep(SHOW_EVERY_S)


class _GaveUp(Exception):
    """A process can't be kept running."""


async def _until_ready(child: Child) -> None:
    ready, ended = asyncio.create_task(child.ready()), asyncio.create_task(child.ended())
    try:
        await asyncio.wait([ready, ended], timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            _say_of(child, f"{_how(ended.result())} before it answered. Stopping everything.")
            raise _GaveUp
        if not ready.done():
            _say_of(
                child, f"doesn’t answer at {child.command.ready_url} after {READY_WITHIN_S} s. Stopping everything."
            )
            raise _GaveUp
    finally:
        await _cancel(ready, ended)


async def _keep(child: Child) -> None:
    restarts = 0
    while True:
        since = time.monotonic()
        code = await child.ended()
        if time.monotonic() - since >= STEADY_S:
            restarts = 0
        if restarts == RESTARTS:
            _say_of(child, f"{_how(code)} again, after {RESTARTS} new starts. Stopping everything.")
            raise _GaveUp
        pause_s = FIRST_PAUSE_S * 2**restarts
        restarts += 1
        _say_of(child, f"{_how(code)}; starting it again in {pause_s:g} s.")
        child.send(signal.SIGKILL)  # whoever is left of its group
        await asyncio.sleep(pause_s)
        await child.start()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _say_of(child: Child, what: str) -> None:
    last = "".join(f"\n    {line}" for line in child.tail.last(LAST_LINES))
    say(f"{child.command.name} {what} The end of {child.log}:{last or ' nothing'}")


def say(text: str) -> None:
    """Show it to the person at the terminal."""
    click.echo(text, err=True)
