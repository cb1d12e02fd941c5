"""Ctrl-C that arrives: JAX swallows some exceptions that its hooks raise, and renames others."""

import _thread
import contextlib
import signal
import sys
import threading

_AGAIN_SECONDS = 0.2


@contextlib.contextmanager
def insistent():
    """Raise KeyboardInterrupt at Ctrl-C, and again and again until it leaves this block.

    Does nothing outside the main thread, which alone hears of signals, and where Ctrl-C is ignored
    or means something else.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or before is not signal.default_int_handler:
        yield
        return
    pressed, left = threading.Event(), threading.Event()

    def request(number, frame):
        pressed.set()
        raise KeyboardInterrupt

    def insist():
        pressed.wait()
        while not left.wait(_AGAIN_SECONDS):
            _thread.interrupt_main()

    def unraisable(told):
        if told.exc_type is not KeyboardInterrupt:
            hook(told)

    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    signal.signal(signal.SIGINT, request)
    threading.Thread(target=insist, daemon=True).start()
    try:
        yield
    except Exception as error:
        if pressed.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        left.set()
        pressed.set()  # lets the thread end
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook
