import os
import subprocess
import sys

from benchmarks.process import cpu_seconds, memory_kib, process_tree


def test_cpu_seconds_grow_with_work() -> None:
    before = cpu_seconds([os.getpid()])
    sum(range(2_000_000))
    assert cpu_seconds([os.getpid()]) > before > 0


def test_process_that_is_gone_has_no_cpu() -> None:
    assert cpu_seconds([2**22 + 1]) == 0


def test_memory_counts_what_is_added() -> None:
    # In a process of its own, in which nothing else allocates.
    code = "import os; print(flush=True); input(); added = os.urandom(8 << 20); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        before = memory_kib([child.pid])
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        assert 7_000 < memory_kib([child.pid]) - before < 20_000
        child.communicate("\n")


def test_tree_has_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_tree(os.getpid())[0] == os.getpid()
        assert child.pid in process_tree(os.getpid())
        assert process_tree(child.pid) == [child.pid]
        child.communicate(b"\n")
