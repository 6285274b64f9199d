# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes that are forks of this one: they have the code and the arguments of the task, secrets included, in their memory,
so that these are neither on a command line nor in an environment nor in a file."""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

_LENGTH = 8
"""Bytes of the length before each message."""

_DIED = "a worker process died"

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Work = tuple[Future[Any], Callable[[str], str], str]


class WorkerDied(BrokenExecutor):
    """A worker process ended before its task did."""


class Forks(Executor):
    """Runs functions of a string that return a string, in processes that are forked from this one at once.

    A worker ends when this process ends, however that happens, since its connection is closed then. If a worker dies, its task
    fails, and the other workers continue.

    Args:
        number: how many processes.
    """

    def __init__(self, number: int) -> None:
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._workers: list[tuple[int, socket.socket]] = []
        for _worker in range(number):
            self._workers.append(self._fork())
        self._threads = [threading.Thread(target=self._serve, args=worker, daemon=True) for worker in self._workers]
        self._serving = number
        self._lock = threading.Lock()
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call a function that can be imported, or was there before the workers, with a string."""
        future: Future[Any] = Future()
        self._waiting.put((future, fn, *args))
        self._fail_if_alone()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers, those that are busy included, which is no loss, since they only read."""
        for _thread in self._threads:
            self._waiting.put(None)
        for pid, connection in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            connection.close()
        for thread in self._threads:
            thread.join()
        for pid, _connection in self._workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    # ------------------------------------------------------------------ in this process

    def _serve(self, pid: int, connection: socket.socket) -> None:
        """Have one worker do tasks, until there are no more or it dies."""
        while (work := self._waiting.get()) is not None:
            future, function, text = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                _send(connection, f"{function.__module__}:{function.__qualname__}\n{text}")
                future.set_result(_receive(connection))
            except (OSError, EOFError):
                with self._lock:
                    self._serving -= 1
                future.set_exception(WorkerDied(_DIED))
                self._fail_if_alone()
                return

    def _fail_if_alone(self) -> None:
        """Let waiting tasks fail if there is no worker any more."""
        with self._lock:
            alone = not self._serving
        while alone:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                return
            if work is not None and work[0].set_running_or_notify_cancel():
                work[0].set_exception(WorkerDied(_DIED))

    # ------------------------------------------------------------------ the workers

    def _fork(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid:
            theirs.close()
            return pid, ours
        status = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for _pid, connection in [*self._workers, (0, ours)]:
                connection.close()
            for function, text in _tasks(theirs):
                _send(theirs, function(text))
            status = 0
        finally:
            os._exit(status)


def _tasks(connection: socket.socket) -> Iterator[tuple[Callable[[str], str], str]]:
    """Yield the tasks that a worker is sent, until the other process closes the connection."""
    while True:
        try:
            name, _newline, text = _receive(connection).partition("\n")
        except (OSError, EOFError):
            return
        module, _colon, function = name.partition(":")
        yield getattr(importlib.import_module(module), function), text


def _send(connection: socket.socket, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    connection.sendall(len(content).to_bytes(_LENGTH, "big"))
    connection.sendall(content)


def _receive(connection: socket.socket) -> str:
    length = int.from_bytes(_read(connection, _LENGTH), "big")
    return _read(connection, length).decode("utf-8", "surrogatepass")


def _read(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes. Raises EOFError if the other process has closed the connection."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
