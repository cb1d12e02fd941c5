"""Ctrl-C in a sweep arrives although hooks swallow or rename what it raises."""

import gc
import signal
import sys
import threading
import time

import pytest

from experiments.sweeps import interrupts


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(interrupts, "_AGAIN_SECONDS", 0.05)


def wait():
    for _ in range(200):
        time.sleep(0.01)


def test_ctrl_c_in_a_hook_of_the_collector_is_neither_lost_nor_printed(monkeypatch):
    swallowed, printed = [], []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)

    def hook(phase, info):
        if not swallowed:
            swallowed.append(phase)
            signal.raise_signal(signal.SIGINT)

    reached = False
    gc.callbacks.append(hook)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts.insistent():
            gc.collect()
            reached = True
            wait()
    finally:
        gc.callbacks.remove(hook)
    assert swallowed and reached and not printed
    assert sys.unraisablehook == printed.append


def test_ctrl_c_that_became_another_error_is_one_again():
    with pytest.raises(KeyboardInterrupt), interrupts.insistent():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as stop:
            raise RuntimeError("in a callback") from stop


def test_an_error_without_ctrl_c_stays_itself():
    with pytest.raises(RuntimeError, match="of its own"), interrupts.insistent():
        raise RuntimeError("of its own")


def test_ctrl_c_that_arrived_is_not_raised_again():
    with pytest.raises(KeyboardInterrupt), interrupts.insistent():
        signal.raise_signal(signal.SIGINT)
    time.sleep(0.2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_is_left_of_a_block_without_ctrl_c():
    threads = threading.active_count()
    with interrupts.insistent():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    time.sleep(0.1)
    assert threading.active_count() == threads
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_else_ctrl_c_means_is_left_alone():
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.insistent():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, ignored)


def test_another_thread_may_enter():
    entered = []

    def enter():
        with interrupts.insistent():
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [True]
