"""Fail on the third epoch, with an exit code of its own and a traceback in the log."""

import sys
import time

for epoch in range(1, 6):
    print(f"epoch {epoch}", flush=True)
    time.sleep(0.2)
    if epoch == 3:
        try:
            raise FloatingPointError("loss is NaN")
        except FloatingPointError:
            sys.excepthook(*sys.exc_info())
            sys.exit(3)
