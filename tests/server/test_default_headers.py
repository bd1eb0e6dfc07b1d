"""The headers that the server adds to every response."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from wsserve.server import default_headers
from wsserve.server.default_headers import DefaultHeaders

OWNER = ((b"x-owner", b"me"), (b"x-owner", b"you"))


def make(*, server: bool = True, date: bool = True, extra: tuple[tuple[bytes, bytes], ...] = ()) -> DefaultHeaders:
    return DefaultHeaders(server_header=server, date_header=date, extra=extra)


@pytest.mark.parametrize("server", [True, False])
@pytest.mark.parametrize("date", [True, False])
@pytest.mark.parametrize("extra", [(), OWNER])
def test_there_are_those_that_are_asked_for(server: bool, date: bool, extra: tuple[tuple[bytes, bytes], ...]) -> None:
    names = [name for name, _ in make(server=server, date=date, extra=extra)()]
    assert sorted(names) == [b"date"] * date + [b"server"] * server + [name for name, _ in extra]


def test_the_date_is_an_imf_fixdate_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 784111777.9)
    assert dict(make()())[b"date"] == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert parsedate_to_datetime(dict(make()())[b"date"].decode()).timestamp() == 784111777


def test_the_date_is_formatted_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    formatted: list[float] = []
    now = 1000.0

    def format_date(second: float, **_: Any) -> str:
        formatted.append(second)
        return f"{second}"

    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr(default_headers, "formatdate", format_date)
    headers = make()
    for step in range(30):
        now = 1000.0 + step / 10
        assert dict(headers())[b"date"] == b"%d" % now
    assert formatted == [1000, 1001, 1002]


def test_each_response_gets_a_list_of_its_own() -> None:
    for headers in (make(), make(date=False)):
        headers().append((b"x", b"y"))
        assert (b"x", b"y") not in headers()


def test_r3_the_owner_may_replace_server_and_date() -> None:
    extra = ((b"server", b"mine"), (b"date", b"never"))
    assert make(extra=extra)() == list(extra)
