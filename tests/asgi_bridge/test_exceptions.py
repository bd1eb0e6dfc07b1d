"""The errors that people see."""

import pickle

import pytest

from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    HTTPException,
    ImproperlyConfigured,
    Mistake,
    NoMatchFound,
    PermissionDenied,
    RouteDeclarationError,
    WebSocketDisconnect,
    WebSocketException,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketRuntimeError,
)

GONE = WebSocketDisconnect(1001)
TEXT = WebSocketFrameTypeError("binary", "text")
JSON = WebSocketJSONError("no JSON")


def test_l29_disconnect_has_code_and_reason() -> None:
    error = WebSocketDisconnect(4000, "bye\n")
    assert (error.code, error.reason) == (4000, "bye\n")
    assert str(error) == "the WebSocket has ended with close code 4000 and reason 'bye\\n'"
    assert str(WebSocketDisconnect(1006)) == "the WebSocket has ended with close code 1006"
    assert (WebSocketDisconnect().code, WebSocketDisconnect(1000, None).reason) == (1000, "")


def test_l38_runtime_error() -> None:
    assert issubclass(WebSocketRuntimeError, RuntimeError)
    assert issubclass(ImproperlyConfigured, RuntimeError)


def test_l27_frame_type_error() -> None:
    assert isinstance(TEXT, TypeError)
    assert str(TEXT) == "expected a binary message, got a text one"
    assert TEXT.close_code == 1003


def test_l28_json_error() -> None:
    assert isinstance(JSON, ValueError)
    assert JSON.close_code == 1007


def test_l12_no_match() -> None:
    assert issubclass(NoMatchFound, LookupError)
    assert str(NoMatchFound("chat", {"room": 5})) == "no route is named 'chat' and takes room=5"
    assert str(NoMatchFound("chat", {})) == "no route is named 'chat' and takes no parameters"


def test_g4_client_disconnected_is_an_os_error() -> None:
    error = ClientDisconnected()
    assert isinstance(error, OSError)
    assert (str(error), error.code, error.reason) == ("the client has disconnected", 1006, "")
    error = ClientDisconnected("it left", code=1001, reason="bye")
    assert (str(error), error.code, error.reason) == ("it left", 1001, "bye")


@pytest.mark.parametrize(
    "error",
    [
        GONE,
        TEXT,
        JSON,
        NoMatchFound("a", {"b": 1}),
        WebSocketException(4001, "no"),
        HTTPException(429, "slow down", {"retry-after": "3"}),
        PermissionDenied("not you", {"x-why": "because"}),
        RouteDeclarationError([Mistake("no handler", "app.py", 3)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_can_be_pickled(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_n9_websocket_exception() -> None:
    error = WebSocketException(4001, "log in")
    assert (error.code, error.reason, str(error)) == (4001, "log in", "close code 4001 and reason 'log in'")
    assert (WebSocketException().code, WebSocketException().reason) == (1008, "")
    assert str(WebSocketException(1011)) == "close code 1011"


@pytest.mark.parametrize("code", [999, 1005, 5000, "1000", None])
def test_n9_websocket_exception_takes_valid_codes_only(code: int) -> None:
    with pytest.raises(ValueError, match="cannot be sent: use 1000-1003"):
        WebSocketException(code)


def test_http_exception() -> None:
    error = HTTPException(403)
    assert (error.status_code, error.detail, error.headers, str(error)) == (403, "Forbidden", {}, "403 Forbidden")
    assert HTTPException(499).detail == "Status 499"
    assert HTTPException(401, "log in", {"www-authenticate": "Basic"}).headers == {"www-authenticate": "Basic"}


@pytest.mark.parametrize("status", [200, 299, 600, "403", None])
def test_http_exception_takes_a_status_that_is_an_answer(status: int) -> None:
    with pytest.raises(ValueError, match=f"needs a status from 300 to 599, not {status!r}"):
        HTTPException(status)


def test_n11_permission_denied() -> None:
    assert (PermissionDenied().status_code, PermissionDenied().detail) == (403, "Forbidden")


def test_route_declaration_error_names_every_mistake_with_its_place() -> None:
    error = RouteDeclarationError([Mistake("no handler", "app.py", 3), Mistake("no path", "app.py", 9)])
    assert isinstance(error, TypeError)
    assert str(error) == "app.py:3: no handler\napp.py:9: no path"
