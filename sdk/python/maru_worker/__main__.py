"""`python -m maru_worker FD MODEL`."""

import sys

from maru_worker.worker import main

sys.exit(main(sys.argv))
