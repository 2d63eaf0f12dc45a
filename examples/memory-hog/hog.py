"""Take 64 MiB more memory twice a second, until the workload's limit ends it."""

import time

held = []
while True:
    held.append(bytearray(64 << 20))
    print(f"holding {len(held) * 64} MiB", flush=True)
    time.sleep(0.5)
