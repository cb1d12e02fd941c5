"""Reliable Ctrl-C: JAX swallows some exceptions raised in its hooks, and replaces others."""

import _thread
import contextlib
import signal
import sys
import threading

_AGAIN_SECONDS = 0.2


@contextlib.contextmanager
def insistent():
    """Raise KeyboardInterrupt at Ctrl-C, repeatedly until it leaves this block.

    Does nothing outside the main thread, which alone receives signals, and where Ctrl-C is ignored
    or has another handler.
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

    def unraisable(event):
        if event.exc_type is not KeyboardInterrupt:
            hook(event)

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
