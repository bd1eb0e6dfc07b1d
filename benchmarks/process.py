"""What the kernel knows about a server: the CPU time and memory of a process and its descendants."""

import os
from pathlib import Path

PROC = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """Return `pid` and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it ended just now
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    tree = [pid]
    for member in tree:
        tree.extend(children.get(member, []))
    return tree


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU seconds that these processes have used, user and system.

    schedstat has nanoseconds where /proc/PID/stat has ticks of 10 ms; a kernel without it leaves the latter.
    """
    return sum(_scheduled_seconds(pid) or _ticked_seconds(pid) for pid in pids)


def _scheduled_seconds(pid: int) -> float:
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        return 0.0


def _ticked_seconds(pid: int) -> float:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kib(pids: list[int]) -> float:
    """Return the anonymous memory (Pss_Anon) of these processes together, in KiB; a page that they share counts once.

    It is what they allocate: neither the kernel's buffers are in it, nor programs and libraries, whose share would
    change with whatever else runs. Raises OSError when a process has ended.
    """
    total = 0
    for pid in pids:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
    return total
