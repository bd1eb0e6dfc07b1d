from pathlib import Path

import pytest

from benchmarks.page import BEGIN, ahead_table, generated_part, peers_ahead, plot, write_page
from benchmarks.results import Results
from tests.benchmarks.example import measured, refused, results

FOUND = results(
    measured("64b", "wsserve", 6, p99=800.0),
    measured("64b", "wsserve-class", 2),
    measured("64b", "picows", 5),
    measured("64b", "aiohttp", 5.95),
    measured("64b", "raw", 1),
    measured("idle", "wsserve", 6),
    measured("idle", "picows", 20),
    refused("deflate", "picows"),
)


def test_written_part_stays(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Performance\n\nBy hand.\n\n{BEGIN}\n\nof an earlier run\n")
    write_page(FOUND, tmp_path)
    text = page.read_text()
    assert text.startswith(f"# Performance\n\nBy hand.\n\n{BEGIN}\n\nMeasured on 2026-01-02; Some CPU, 2 cores;")
    assert "of an earlier run" not in text
    assert "earlier" not in text
    assert (tmp_path / "performance.svg").read_text() == plot(FOUND)
    assert Results.read(tmp_path / "performance.json") == FOUND
    write_page(FOUND, tmp_path)
    assert page.read_text() == text


def test_page_without_the_mark(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text("# Performance\n")
    with pytest.raises(ValueError, match="has no line"):
        write_page(FOUND, tmp_path)


def test_the_page_in_the_repository_has_the_mark() -> None:
    page = Path(__file__).parents[2] / "docs" / "performance.md"
    assert page.read_text().count(BEGIN) == 1


def test_generated_part() -> None:
    text = generated_part(FOUND)
    assert "Rounds: 3, of 1 s each." in text
    assert "Versions: picows 2.3.1, wsserve 0.1.0." in text
    assert "](performance.svg)" in text
    assert "## Where a peer is ahead" in text
    assert "## What it must show" in text
    assert "### 64 B text, 10 connections, 1 in flight" in text
    assert "picows: permessage-deflate is not negotiated" in text
    assert "1 MiB" not in text.partition("## All loads")[2]


def test_peers_ahead_are_peers_that_differ() -> None:
    assert peers_ahead(FOUND, "64b", "cost") == [("picows", 1.2)]
    assert peers_ahead(FOUND, "64b", "p99") == [("aiohttp", 2.0), ("picows", 2.0)]
    assert peers_ahead(FOUND, "64b", "p50") == []
    assert peers_ahead(FOUND, "1k", "cost") == []


def test_ahead_table() -> None:
    rows = ahead_table(FOUND).rows
    assert rows == [["64 B text, 10 connections, 1 in flight", "picows 1.20", "", "aiohttp 2.00; picows 2.00"]]
    table = ahead_table(results(measured("64b", "wsserve", 1)))
    assert (table.rows, table.notes) == ([], ["In this run, nowhere."])


def test_plot_has_the_loads_that_were_measured() -> None:
    svg = plot(FOUND)
    assert "64 B text, 10 connections, 1 in flight: CPU µs/message, less is better" in svg
    assert "2,000 idle connections: KiB/connection, less is better" in svg
    assert svg.count("<rect") == 7
    assert svg.count("bar own") == 3
