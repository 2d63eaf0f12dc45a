"""Ignore SIGTERM: only the kill after the stop grace ends this one."""

import signal
import time

signal.signal(signal.SIGTERM, lambda *_: print("asked to stop; going on", flush=True))
print("running", flush=True)
while True:
    time.sleep(1)
