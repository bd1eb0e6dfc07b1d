"""`python -m benchmarks.load_generator LOAD PORT PID WARM_UP SECONDS`: run one load, print its values as JSON.

The port and the process id are the server's. When the server does not do its part, the last line says what was wrong
and the exit status is 1.
"""

import gc
import json
import sys

from benchmarks.load_generator.broadcast import run_broadcast
from benchmarks.load_generator.connection import LoadError
from benchmarks.load_generator.connects import run_connects
from benchmarks.load_generator.echo import run_echo
from benchmarks.load_generator.linearity import run_linearity
from benchmarks.load_generator.memory import run_memory
from benchmarks.load_generator.window import Window
from benchmarks.loads import Kind, select_loads

TIMED = {Kind.ECHO: run_echo, Kind.BROADCAST: run_broadcast, Kind.CONNECTS: run_connects}
OTHER = {Kind.MEMORY: run_memory, Kind.LINEARITY: run_linearity}


def main(name: str, port: int, pid: int, warm_up: float, seconds: float) -> int:
    """Run the load of this name and return the exit status."""
    [load] = select_loads([name])
    gc.disable()  # nothing here makes cycles in numbers, and a collection would be a pause in the load
    try:
        if load.kind in TIMED:
            values = TIMED[load.kind](load, port, Window(pid, warm_up, seconds))
        else:
            values = OTHER[load.kind](load, port, pid)
    except (LoadError, OSError, ValueError) as error:
        print(error)
        return 1
    print(json.dumps(values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
