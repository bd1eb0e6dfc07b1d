"""Plain HTTP/1.1 for the same app (requirement G15), with httpx and with bytes as they are on the wire."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.apps.asgi import HANGS
from tests.end_to_end.apps.http_apps import PART, PARTS
from tests.end_to_end.raw_client import RawClient, head
from tests.end_to_end.server_process import ServerProcess, new_report_id, target

HOST = "Host: 127.0.0.1"


@pytest.fixture
def web(server: ServerProcess) -> Iterator[httpx.Client]:
    """An HTTP client that keeps its connections."""
    with httpx.Client(base_url=server.http(""), timeout=10, trust_env=False) as client:
        yield client


def test_g15_get(web: httpx.Client) -> None:
    response = web.get("/http/hello")
    assert (response.status_code, response.text) == (200, "hello")
    assert response.headers["content-type"] == "text/plain"
    assert response.http_version == "HTTP/1.1"


def test_g15_keep_alive_reuses_the_connection(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        for _ in range(3):
            peer.send(head("GET /http/hello HTTP/1.1", HOST))
            assert peer.read_response().body == b"hello"


def test_g15_connection_close_is_honoured(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(head("GET /http/hello HTTP/1.1", HOST, "Connection: close"))
        response = peer.read_response()
        assert response.body == b"hello"
        assert [value.lower() for value in response.values("Connection")] == ["close"]
        assert peer.at_end()


def test_g15_u2_http_1_0_is_served_and_closed(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(head("GET /http/no-length HTTP/1.0", HOST))
        response = peer.read_response()
        assert (response.status, response.body) == (200, b"hello")
        assert not response.values("Transfer-Encoding"), "HTTP/1.0 knows no chunks"
        assert peer.at_end()


def test_g15_pipelining_answers_in_order(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        bodies = [b"%d" % number * 10 for number in range(20)]
        requests = [
            head("POST /http/mirror HTTP/1.1", HOST, f"Content-Length: {len(body)}") + body
            if number % 2
            else head("GET /http/hello HTTP/1.1", HOST)
            for number, body in enumerate(bodies)
        ]
        peer.send(b"".join(requests))
        answers = [peer.read_response().body for _ in requests]
    assert answers == [body if number % 2 else b"hello" for number, body in enumerate(bodies)]


def test_g15_chunked_both_ways(web: httpx.Client) -> None:
    parts = [b"one", b"two" * 1000, b"three" * 100_000]
    response = web.post("/http/mirror", content=iter(parts))
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.content == b"".join(parts)


def test_g15_chunked_request_in_single_bytes(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        request = head("POST /http/mirror HTTP/1.1", HOST, "Transfer-Encoding: chunked")
        request += b"5;name=value\r\nhello\r\n3\r\n, w\r\n0\r\nTrailer: x\r\n\r\n"
        for byte in request:
            peer.send(bytes([byte]))
        assert peer.read_response().body == b"hello, w"
        peer.send(head("GET /http/hello HTTP/1.1", HOST))
        assert peer.read_response().body == b"hello"


def test_g15_expect_100_continue(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(head("POST /http/collect HTTP/1.1", HOST, "Content-Length: 5", "Expect: 100-continue"))
        assert peer.read_response().status == 100
        peer.send(b"hello")
        assert peer.read_response().body == b"hello"


def test_g15_expect_100_continue_where_the_app_begins_to_answer_first(server: ServerProcess) -> None:
    """The client must learn that its body is wanted: by a 100, or by the head of the answer."""
    with RawClient(server.port) as peer:
        peer.send(head("POST /http/mirror HTTP/1.1", HOST, "Content-Length: 5", "Expect: 100-continue"))
        first = peer.read_until(b"\r\n")
        assert first in (b"HTTP/1.1 100 Continue", b"HTTP/1.1 100 ", b"HTTP/1.1 200 OK")
        peer.send(b"hello")
        peer.read_until(b"hello")


def test_g15_no_100_where_the_app_does_not_read(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(head("POST /http/hello HTTP/1.1", HOST, "Content-Length: 5", "Expect: 100-continue"))
        response = peer.read_response()
        assert (response.status, response.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/http/hello", "/http/no-length", "/http/stream"])
def test_g15_head_has_the_headers_and_no_body(server: ServerProcess, path: str) -> None:
    with RawClient(server.port) as peer:
        peer.send(head(f"HEAD {path} HTTP/1.1", HOST) + head("GET /http/hello HTTP/1.1", HOST))
        response = peer.read_response(to_head=True)
        assert response.status == 200
        if path == "/http/stream":
            assert response.values("Content-Length") == [str(PARTS * len(PART))]
        assert peer.read_response().body == b"hello"


def test_g15_empty_response(web: httpx.Client) -> None:
    response = web.get("/http/empty")
    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers
    assert "transfer-encoding" not in response.headers
    assert web.get("/http/hello").text == "hello"


def test_g15_status_and_repeated_headers(web: httpx.Client) -> None:
    response = web.get("/http/two-cookies")
    assert response.status_code == 201
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_g15_large_bodies(web: httpx.Client) -> None:
    body = PART * 128  # 8 MiB
    assert web.post("/http/collect", content=body).content == body
    assert web.get("/http/stream").content == PART * PARTS


def test_g15_body_that_the_app_leaves_unread(web: httpx.Client) -> None:
    assert web.post("/http/hello", content=b"x" * 1000).text == "hello"
    assert web.get("/http/hello").text == "hello"


def test_g15_g11_scope(server: ServerProcess, web: httpx.Client) -> None:
    response = web.request("OPTIONS", "/http/show%2Dscope?a=%20b", headers=[("X-Twice", "1"), ("x-twice", "2")])
    scope = json.loads(response.text)
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert scope["http_version"] == "1.1"
    assert (scope["method"], scope["scheme"], scope["root_path"]) == ("OPTIONS", "http", "")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        "/http/show-scope",
        "/http/show%2Dscope",
        "a=%20b",
    )
    assert [value for name, value in scope["headers"] if name == "x-twice"] == ["1", "2"]
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ["127.0.0.1", server.port]


def test_g14_g15_each_request_has_a_fresh_scope(web: httpx.Client) -> None:
    first, second = (json.loads(web.get("/http/show-scope").text) for _ in range(2))
    assert second == first


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_g15_client_that_leaves_in_its_body_does_not_stop_the_server(failing_server: ServerProcess, how: str) -> None:
    with RawClient(failing_server.port) as peer:
        peer.send(head("POST /http/mirror HTTP/1.1", HOST, "Content-Length: 5") + b"hel")
        if how == "reset":
            peer.reset()
    assert httpx.get(failing_server.http("/http/hello"), trust_env=False).text == "hello"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_g15_disconnect_event(server: ServerProcess, how: str) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.send(head(f"GET {target('/http/wait-for-end', id=report_id)} HTTP/1.1", HOST))
        peer.read_until(b"so far")
        if how == "reset":
            peer.reset()
    report = server.report(report_id)
    assert report["event"]["type"] == "http.disconnect"
    assert report["again"] != HANGS
    assert report["send"] is None or "OSError" in report["send"]["raised"]


@pytest.mark.parametrize("path", ["/http/raise-before-start", "/http/no-response"])
def test_g15_failure_before_the_response_is_500(failing_server: ServerProcess, path: str) -> None:
    response = httpx.get(failing_server.http(path), trust_env=False)
    assert response.status_code == 500
    assert "crash" not in response.text, "what went wrong is for the log only"


def test_g15_failure_in_the_response_cuts_it_visibly(failing_server: ServerProcess) -> None:
    with RawClient(failing_server.port) as peer:
        peer.send(head("GET /http/raise-after-start HTTP/1.1", HOST))
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.read_response()


def test_g15_u17_header_of_two_lines_is_refused(failing_server: ServerProcess) -> None:
    report_id = new_report_id()
    response = httpx.get(failing_server.http("/http/crlf-header", id=report_id), trust_env=False)
    assert response.status_code == 500
    assert "x-injected" not in response.headers
    assert failing_server.report(report_id)["error"]


def test_g15_concurrent_connections(server: ServerProcess) -> None:
    clients = [RawClient(server.port) for _ in range(20)]
    for client in clients:
        client.send(head("GET /http/hello HTTP/1.1", HOST, "Connection: close"))
    for client in clients:
        with client:
            assert client.read_response().body == b"hello"
