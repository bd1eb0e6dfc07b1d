import pytest

from benchmarks.loads import select_loads
from benchmarks.results import Measurement
from benchmarks.tables import Table, baseline_cost, limited_by_client, load_table, number
from tests.benchmarks.example import measured, refused, results


def test_text_is_aligned() -> None:
    table = Table("Title", ["server", "cost"], [["a", "1.00"], ["longer name", "10,000"]], ["A note."])
    assert table.text() == ("Title\n  server         cost\n  a              1.00\n  longer name  10,000\n  A note.")


def test_markdown() -> None:
    table = Table("Title", ["server", "cost"], [["a", "1"]], ["A note."])
    assert table.markdown() == "### Title\n\n| server | cost |\n| --- | ---: |\n| a | 1 |\n\n- A note.\n"
    assert table.markdown(2).startswith("## Title\n")


@pytest.mark.parametrize(
    ("value", "text"), [(0.612, "0.61"), (9.99, "9.99"), (12.345, "12.3"), (123.4, "123"), (12345.6, "12,346")]
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_rows_begin_with_the_lowest_cost() -> None:
    [load] = select_loads(["64b"])
    found = results(measured("64b", "wsserve", 6), measured("64b", "uvicorn-wsproto", 24), measured("64b", "raw", 3))
    table = load_table(found, load, "uvicorn")
    assert [row[:3] for row in table.rows] == [
        ["uvloop Protocol that only answers", "3.00", "0.12"],
        ["wsserve, wire codec", "6.00", "0.25"],
        ["uvicorn, wsproto", "24.0", "1.00"],
    ]
    assert table.headings[1:4] == ["CPU µs/message", "ratio to uvicorn", "messages/s"]
    assert table.rows[0][3:] == ["50,000", "100", "400", "99%", "60%"]
    assert table.notes == []


def test_without_the_baseline_there_is_no_ratio() -> None:
    [load] = select_loads(["64b"])
    assert load_table(results(measured("64b", "wsserve", 6)), load, "uvicorn").rows[0][2] == "-"


def test_memory_and_linearity_have_no_rates() -> None:
    idle, linear = select_loads(["idle", "linear-bytes"])
    found = results(measured("idle", "wsserve", 6), measured("linear-bytes", "wsserve", 2))
    assert load_table(found, idle, "wsserve").rows == [["wsserve, wire codec", "6.00", "1.00"]]
    assert load_table(found, linear, "wsserve").rows == [["wsserve, wire codec", "2.00"]]


def test_what_went_wrong_is_below() -> None:
    [load] = select_loads(["deflate"])
    failed = Measurement("deflate", "daphne", 1, {}, "it was not listening after 15 seconds: no module")
    table = load_table(results(refused("deflate", "picows"), failed), load, "uvicorn")
    assert table.rows == []
    assert table.notes == [
        "picows: permessage-deflate is not negotiated.",
        "daphne: it was not listening after 15 seconds: no module.",
    ]


def test_rate_that_is_the_generators_is_marked() -> None:
    [load] = select_loads(["64b"])
    full = measured("64b", "raw", 3, client_share=0.99, server_share=0.8)
    table = load_table(results(full), load, "uvicorn")
    assert table.rows[0][3] == "50,000*"
    assert "the rate is the generator's" in table.notes[0]


@pytest.mark.parametrize(("client", "server", "limited"), [(0.98, 0.9, True), (0.9, 0.5, False), (0.99, 0.99, False)])
def test_limited_by_client(client: float, server: float, limited: bool) -> None:
    assert limited_by_client({"client_share": client, "server_share": server}) is limited


def test_baseline_is_a_server_or_the_best_of_a_family() -> None:
    found = {"uvicorn-a": {"cost": 3.0}, "uvicorn-b": {"cost": 2.0}, "uvicornish": {"cost": 1.0}}
    assert baseline_cost(found, "uvicorn") == 2.0
    assert baseline_cost(found, "uvicorn-a") == 3.0
    assert baseline_cost(found, "raw") is None
