"""The errors that people see."""

import pickle

import pytest

from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    ImproperlyConfigured,
    NoMatchFound,
    WebSocketDisconnect,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketRuntimeError,
    close_for,
)

GONE = WebSocketDisconnect(1001)
TEXT = WebSocketFrameTypeError("binary", "text")
JSON = WebSocketJSONError("no JSON")
CRASH = ZeroDivisionError("no detail for the client")


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
    "error", [GONE, TEXT, JSON, NoMatchFound("a", {"b": 1})], ids=lambda error: type(error).__name__
)
def test_errors_can_be_pickled(error: Exception) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GONE, None),
        (ExceptionGroup("", [GONE, ExceptionGroup("", [GONE])]), None),
        (TEXT, (1003, "expected a binary message, got a text one")),
        (JSON, (1007, "no JSON")),
        (WebSocketJSONError("\ud800"), (1007, "?")),
        (ClientDisconnected(), None),
        (ExceptionGroup("", [GONE, JSON]), (1007, "no JSON")),
        (CRASH, (1011, "")),
        (ExceptionGroup("", [GONE, TEXT, CRASH]), (1011, "")),
    ],
    ids=ascii,
)
def test_g8_close_for_an_error(error: Exception, expected: tuple[int, str] | None) -> None:
    assert close_for(error) == expected
