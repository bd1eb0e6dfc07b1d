"""Fuzz target: Sec-WebSocket-Extensions and the negotiation of permessage-deflate.

Invariant: whatever the client offers, nothing raises. What is read can be written and read again; an offer before it
stays as it is. The offer that is accepted is the first that RFC 7692, section 7.1, allows, the answer keeps to every
rule of that section, it can be sent in a 101 response, and both sides can work with it.

Input: a byte that picks this side's options, and the values of the header's lines, with a LF between them.
"""

import zlib

from wsserve.codec.deflate import DeflateOptions, DeflateParameters, Deflater, Inflater, negotiate
from wsserve.codec.extensions import ExtensionOffer, parse_extensions
from wsserve.codec.handshake import Handshake, switching_response

OPTIONS = [
    DeflateOptions(threshold=0),
    DeflateOptions(server_max_window_bits=15, client_max_window_bits=15, threshold=0),
    DeflateOptions(server_max_window_bits=9, client_max_window_bits=9, threshold=0),
    DeflateOptions(server_no_context_takeover=True, client_no_context_takeover=True, threshold=0),
]
WINDOW_BITS = {str(bits): bits for bits in range(8, 16)}


def check(data: bytes) -> None:
    if not data:
        return
    options, values = OPTIONS[data[0] % 4], data[1:].split(b"\n")
    offers = parse_extensions(values)
    assert parse_extensions([render(offer) for offer in offers]) == offers, offers
    before = ExtensionOffer("x", (("a", "b"), ("c", None)))
    assert parse_extensions([b'x; a="b"; c,' + values[0], *values[1:]]) == [before, *offers], offers
    headers = [(b"sec-websocket-extensions", value) for value in values]
    assert negotiate(headers, None) is None
    agreed = negotiate(headers, options)
    accepted = next((offer for offer in offers if is_acceptable(offer)), None)
    assert (agreed is None) == (accepted is None), (offers, agreed)
    if agreed is not None and accepted is not None:
        agreement, answer = agreed
        check_answer(dict(accepted.parameters), agreement, answer)
        response = switching_response(Handshake("AAAAAAAAAAAAAAAAAAAAAA=="), values, None, answer, [])
        assert b"\r\nSec-WebSocket-Extensions: " + answer + b"\r\n" in response, response
        check_messages(agreement)


def render(offer: ExtensionOffer) -> bytes:
    parts = [key if value is None else f"{key}={value}" for key, value in offer.parameters]
    return "; ".join([offer.name, *parts]).encode()


def is_acceptable(offer: ExtensionOffer) -> bool:
    """Tell what RFC 7692, section 7.1, says about an offer; a window of 8 bits is too small for zlib to keep to."""
    values = dict(offer.parameters)
    server_bits = values.pop("server_max_window_bits", "15")
    client_bits = values.pop("client_max_window_bits", None)
    return (
        offer.name == "permessage-deflate"
        and len(dict(offer.parameters)) == len(offer.parameters)
        and server_bits in WINDOW_BITS
        and server_bits != "8"
        and (client_bits is None or client_bits in WINDOW_BITS)
        and all(values.get(name, "") is None for name in values)
        and values.keys() <= {"server_no_context_takeover", "client_no_context_takeover"}
    )


def check_answer(offered: dict[str, str | None], agreed: DeflateParameters, answer: bytes) -> None:
    [extension] = parse_extensions([answer])
    answered = dict(extension.parameters)
    assert extension.name == "permessage-deflate", answer
    assert len(answered) == len(extension.parameters), answer
    assert ("server_no_context_takeover" in answered) == agreed.server_no_context_takeover, answer
    assert ("client_no_context_takeover" in answered) == agreed.client_no_context_takeover, answer
    assert offered.keys() - {"client_max_window_bits"} <= answered.keys(), (offered, answer)
    server_bits = int(answered.get("server_max_window_bits") or 15)
    assert server_bits == agreed.server_max_window_bits, (answer, agreed)
    assert 9 <= server_bits <= int(offered.get("server_max_window_bits") or 15), (offered, answer)
    assert "client_max_window_bits" in offered or "client_max_window_bits" not in answered, (offered, answer)
    client_bits = int(answered.get("client_max_window_bits") or 15)
    assert client_bits == agreed.client_max_window_bits, (answer, agreed)
    assert 8 <= client_bits <= int(offered.get("client_max_window_bits") or 15), (offered, answer)


def check_messages(agreed: DeflateParameters) -> None:
    """Send two messages each way, with zlib as the client."""
    message = b"a chat message " * 100
    deflater, inflater = Deflater(agreed), Inflater(agreed)
    client_in = zlib.decompressobj(-agreed.server_max_window_bits)
    client_out = zlib.compressobj(6, zlib.DEFLATED, -max(agreed.client_max_window_bits, 9))
    for _ in range(2):
        sent = deflater.deflate(message)
        assert sent is not None
        assert client_in.decompress(sent + b"\0\0\xff\xff") == message
        received = bytearray()
        deflated = client_out.compress(message) + client_out.flush(zlib.Z_FULL_FLUSH)
        assert inflater.inflate(deflated[:-4], received, 10_000) is None
        assert inflater.finish(received, 10_000) is None
        assert received == message
        if agreed.server_no_context_takeover:
            client_in = zlib.decompressobj(-agreed.server_max_window_bits)


_OFFERS = [
    b"permessage-deflate",
    b"permessage-deflate; client_max_window_bits",
    b'permessage-deflate; client_max_window_bits="10"; server_max_window_bits=11',
    b"permessage-deflate; server_no_context_takeover; client_no_context_takeover, permessage-deflate",
    b"permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
    b"x-other; a=b\nfoo, permessage-deflate; client_max_window_bits=8\n, ,",
    b'permessage-deflate; a="b\\"c, d", permessage-deflate',
    b'permessage-deflate; client_max_window_bits=15; client_max_window_bits=15, a"b',
]
SEEDS = [bytes([setting]) + offer for offer in _OFFERS for setting in range(4)]
