"""The Sec-WebSocket-Extensions header field (RFC 6455, section 9.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"

# Every byte of a value belongs to one lexeme, and possessive repetition never steps back: the time is linear. A quote
# that nothing closes takes the rest of the value, since a comma after it may be part of the quoted string.
_LEXEME: Final = re.compile(
    rb"(?P<token>" + _TOKEN + rb')|"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<mark>[,;=])|(?P<space>[ \t]++)|(?P<bad>".*+|.)',
    re.DOTALL,
)
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)

_Lexeme = tuple[str | None, bytes]
_COMMA: Final[_Lexeme] = ("mark", b",")
_SEMICOLON: Final[_Lexeme] = ("mark", b";")


@dataclass(frozen=True, slots=True)
class ExtensionOffer:
    """One extension that a client offers, with its parameters in order; a parameter without a value has None."""

    name: str
    parameters: tuple[tuple[str, str | None], ...] = ()


def parse_extensions(values: Iterable[bytes]) -> list[ExtensionOffer]:
    """Return the offers in all Sec-WebSocket-Extensions values of a request, in order.

    A malformed offer is left out, which declines it; the offers around it stay. Nothing raises, and the time is linear
    in the length of the values (RFC 6455, section 9.1, with the implied whitespace and empty list elements of RFC 2616,
    section 2.1).
    """
    return [offer for value in values for offer in (_parse_usual(value) if len(value) <= _USUAL else _parse(value))]


def _parse(value: bytes) -> tuple[ExtensionOffer, ...]:
    lexemes = [_lexeme(match) for match in _LEXEME.finditer(value) if match.lastgroup != "space"]
    offers = [_parse_offer(element) for element in _split(lexemes, _COMMA)]
    return tuple(offer for offer in offers if offer is not None)


# Clients are many, but what they offer differs by the few programs that they are; long values are not worth the memory.
_USUAL: Final = 128
_parse_usual: Final = lru_cache(maxsize=128)(_parse)


def _lexeme(match: re.Match[bytes]) -> _Lexeme:
    kind = match.lastgroup
    if kind != "quoted":
        return kind, match[0]
    unquoted = _QUOTED_PAIR.sub(rb"\1", match["quoted"])
    # A quoted value is legal only if it would be legal without its quotes (RFC 6455, section 9.1).
    return ("quoted" if re.fullmatch(_TOKEN, unquoted) else "bad"), unquoted


def _split(lexemes: list[_Lexeme], separator: _Lexeme) -> Iterable[list[_Lexeme]]:
    start = 0
    for index, lexeme in enumerate(lexemes):
        if lexeme == separator:
            yield lexemes[start:index]
            start = index + 1
    yield lexemes[start:]


def _parse_offer(lexemes: list[_Lexeme]) -> ExtensionOffer | None:
    first, *rest = _split(lexemes, _SEMICOLON)
    match first:
        case [("token", name)]:
            pass
        case _:
            return None
    parameters: list[tuple[str, str | None]] = []
    for parameter in rest:
        match parameter:
            case [("token", key)]:
                parameters.append((key.decode(), None))
            case [("token", key), ("mark", b"="), ("token" | "quoted", value)]:
                parameters.append((key.decode(), value.decode()))
            case _:
                return None
    return ExtensionOffer(name.decode(), tuple(parameters))
