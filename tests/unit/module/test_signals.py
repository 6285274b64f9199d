# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals: the first one between two changes, none while changes are made permanent."""

from __future__ import annotations

import os
import signal
import time

import pytest

pytest.importorskip("ansible", reason="the modules need ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.run import process as module
from ansible_collections.dsync.core.plugins.module_utils._module.run.process import Signals

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_signal_interrupts_what_is_held_back_however_often_it_comes(number: signal.Signals) -> None:
    signals, reached = Signals(), False
    with signals.handled(), signals.between_changes():
        with signals.held_back():
            for _time in range(3):
                send(number)
            reached = True
        asked = signals.received()
        assert isinstance(asked, KeyboardInterrupt)
        assert getattr(asked, "signal", "SIGINT") == number.name
        with pytest.raises(KeyboardInterrupt):
            send(number)
    assert reached


def test_the_time_of_grace_ends_when_signals_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    signals = Signals()
    with signals.handled(), signals.between_changes():
        send(signal.SIGTERM)
        with signals.held_back():
            time.sleep(0.2)
        time.sleep(0.1)
    assert signals.received() is not None


def test_the_time_of_grace_cuts_off_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    signals = Signals()
    with signals.handled(), signals.between_changes():
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)
