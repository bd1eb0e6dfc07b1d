"""JSON in messages (RFC 8259), by msgspec."""

import json
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

import msgspec
from msgspec.inspect import CustomType, type_info

from wsserve.asgi_bridge.exceptions import WebSocketJSONError, WebSocketRuntimeError


def encode_json(data: object, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return `data` as compact JSON in UTF-8.

    Beside the types that JSON has, it takes all that msgspec does: `datetime`, `UUID`, `Decimal`, sets, enumerations,
    dataclasses, `msgspec.Struct` and others; also subclasses of str, such as `URL`, and of numbers; bytes become
    base64. `default` turns an object of another type into one of these. Raises `TypeError` for a type that nothing of
    this covers, `ValueError` for NaN and infinity, which JSON does not have, and for lone surrogates.
    """
    hook = partial(_plain, default)
    encoded = msgspec.json.encode(data, enc_hook=hook)
    if encoded.find(b"null") >= 0:  # quicker than `in`, which first takes it for a number
        # msgspec writes null for NaN and infinity, so data that may have them is looked at once more.
        json.dumps(msgspec.to_builtins(data, str_keys=True, enc_hook=hook), allow_nan=False)
    return encoded


def _plain(default: Callable[[Any], Any] | None, value: Any) -> Any:
    """Return what stands for a value of a type that msgspec does not know."""
    for plain in _PLAIN:
        if isinstance(value, plain):
            return plain(value)
    if default is None:
        raise TypeError(f"an object of type {type(value).__qualname__} is no JSON: give send_json() a default for it")
    return default(value)


def decode_json(payload: str | bytes) -> Any:
    """Return the value of a JSON text. Raises `WebSocketJSONError` when it is malformed or nested too deeply."""
    return _decode(_ANY, payload)


@lru_cache(maxsize=1024)
def decoder_of(expected: Any) -> Callable[[str | bytes], Any]:
    """Return what `decode_json` is for values of the type `expected`: all that msgspec knows, above all its Structs.

    It raises `WebSocketJSONError` for a value of another type too. Raises `TypeError` for a type that msgspec does not
    know.
    """
    if expected is not object and isinstance(type_info(expected), CustomType):
        raise TypeError(
            f"no JSON can be decoded to {expected!r}: take a msgspec.Struct, a dataclass or another type that msgspec"
            " knows; a Pydantic model takes the text itself, Model.model_validate_json(text)"
        )
    return partial(_decode, msgspec.json.Decoder(expected))


def _decode(decoder: msgspec.json.Decoder[Any], payload: str | bytes) -> Any:
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        fault = str(error).removeprefix("JSON is malformed: ")
        other_type = isinstance(error, msgspec.ValidationError) and decoder is not _ANY
        what = "not what was expected" if other_type else "no well-formed JSON"
        raise WebSocketJSONError(f"the message is {what}: {fault}") from error


_PLAIN: Final[tuple[type[Any], ...]] = (str, int, float, bytes)
"""Types that msgspec knows, but not their subclasses."""

_ANY: Final = msgspec.json.Decoder[Any]()


def is_binary(mode: str) -> bool:
    """Tell whether JSON goes in binary messages. Raises `WebSocketRuntimeError` for no such mode."""
    if mode == "text":
        return False
    if mode == "binary":
        return True
    raise WebSocketRuntimeError(f'the mode of a JSON message is "text" or "binary", not {mode!r}')
