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
    before = memory_kib([os.getpid()])
    added = os.urandom(8 << 20)
    assert 7_000 < memory_kib([os.getpid()]) - before < 20_000
    assert len(added) == 8 << 20


def test_tree_has_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_tree(os.getpid())[0] == os.getpid()
        assert child.pid in process_tree(os.getpid())
        assert process_tree(child.pid) == [child.pid]
        child.communicate(b"\n")
