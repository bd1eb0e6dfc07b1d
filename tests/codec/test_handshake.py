import base64
import re

import pytest

from tests.codec.http_feeds import KEY, Feed, each_feed, head, upgrade
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.handshake import Handshake, accept_value, check_handshake, is_upgrade, switching_response
from wsserve.codec.head import HeadLimits
from wsserve.codec.header_fields import group_fields
from wsserve.codec.http1 import Refusal

HANDSHAKE = Handshake(KEY, ("chat", "superchat"))


def test_r1_the_accept_value_is_that_of_rfc_6455() -> None:
    assert accept_value(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@each_feed
def test_a_minimal_handshake_is_accepted(feed: Feed) -> None:
    assert feed.request(upgrade()).handshake == Handshake(KEY)


# What is an upgrade


@each_feed
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"], id="one line"),
        pytest.param([b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: websocket"], id="two lines"),
        pytest.param([b"Connection: keep-alive", b"Upgrade: websocket", b"CONNECTION: upgrade"], id="apart"),
        pytest.param([b"Connection: ,\t,UPGRADE ,", b"Upgrade: WebSocket"], id="any case"),
        pytest.param([b"Connection: upgrade", b"Upgrade: h2c", b"Upgrade: foo, websocket"], id="several protocols"),
    ],
)
def test_u10_tokens_are_gathered_over_all_lines_in_any_case(feed: Feed, lines: list[bytes]) -> None:
    fields = [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY.encode()]
    assert feed.request(head(*lines, *fields)).handshake == Handshake(KEY)


@each_feed
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="no upgrade"),
        pytest.param([b"Connection: Upgrade"], id="no Upgrade header"),
        pytest.param([b"Upgrade: websocket"], id="no Connection header"),
        pytest.param([b"Connection: keep-alive", b"Upgrade: websocket"], id="Connection without upgrade"),
        pytest.param([b"Connection: upgrades, x-upgrade", b"Upgrade: websocket"], id="other tokens"),
        pytest.param([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"], id="h2c"),
        pytest.param([b"Connection: Upgrade", b"Upgrade: websocket/13"], id="websocket/13"),
        pytest.param([b"Connection: Upgrade", b"Upgrade: websockets"], id="websockets"),
        pytest.param([b"Connection: Upgrade", "Upgrade: websoc\u212aet".encode()], id="KELVIN SIGN"),
        pytest.param([b"Connection: Upgrade", "Upgrade: web\u017focket".encode()], id="LONG S"),
    ],
)
def test_u4_and_c_2025_69224_anything_else_is_a_plain_request(feed: Feed, lines: list[bytes]) -> None:
    fields = [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY.encode()]
    request = feed.request(head(*lines, *fields))
    assert request.handshake is None
    assert request.method == "GET"


def test_is_upgrade_needs_both_tokens() -> None:
    assert is_upgrade({b"upgrade": [b"websocket"], b"connection": [b"upgrade"]})
    assert not is_upgrade({b"upgrade": [b"websocket"]})
    assert not is_upgrade({b"connection": [b"upgrade"]})


# Refusals


@each_feed
@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"get", b"GETS"])
def test_u1_methods_but_get_are_refused_with_405(feed: Feed, method: bytes) -> None:
    refusal = feed.refusal(upgrade(request_line=method + b" /chat HTTP/1.1"))
    assert (refusal.status, refusal.headers) == (405, [(b"allow", b"GET")])


@each_feed
def test_u2_an_upgrade_of_http_1_0_is_refused_with_505(feed: Feed) -> None:
    assert feed.refusal(upgrade(request_line=b"GET /chat HTTP/1.0")).status == 505


@each_feed
@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: 1"],
        [b"Content-Length: 10"],
        [b"Content-Length: 0", b"Content-Length: 5"],
        [b"Content-Length: 0, 5"],
        [b"Content-Length: -0"],
        [b"Content-Length: x"],
        [b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding:"],
        [b"Content-Length: 0", b"Transfer-Encoding: chunked"],
    ],
)
def test_u5_and_c_2026_2833_an_upgrade_with_a_body_is_refused_with_400(feed: Feed, lines: list[bytes]) -> None:
    assert feed.refusal(upgrade(*lines)).status == 400


@each_feed
@pytest.mark.parametrize("lines", [[b"Content-Length: 0"], [b"Content-Length: 0", b"Content-Length: 0"]])
def test_u5_an_upgrade_with_content_length_0_is_accepted(feed: Feed, lines: list[bytes]) -> None:
    assert feed.request(upgrade(*lines)).handshake


@each_feed
@pytest.mark.parametrize("lines", [[b"Content-Length:"], [b"Content-Length: 0, 00"], [b"Content-Length: ,"]])
def test_u5_a_content_length_that_h11_does_not_understand_is_refused_with_400(feed: Feed, lines: list[bytes]) -> None:
    assert feed.refusal(upgrade(*lines)).status == 400


@each_feed
@pytest.mark.parametrize(
    "name", [b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions", b"sec-websocket-anything", b"SEC-WEBSOCKET-KEY"]
)
@pytest.mark.parametrize("byte", [0x80, 0xA0, 0xFF])
def test_u4_sec_websocket_headers_must_be_ascii(feed: Feed, name: bytes, byte: int) -> None:
    assert feed.refusal(upgrade(name + b": a" + bytes([byte]))).status == 400


@each_feed
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"dGhlIHNhbXBsZSBub25jZQ", id="no padding"),
        pytest.param(b"dGhlIHNhbXBsZSBub25jZQ=", id="half padding"),
        pytest.param(b"dGhlIHNhbXBsZSBub25jZR==", id="padding bits not zero"),
        pytest.param(b"dGhlIHNhbXBsZSBub25jZQ==A", id="more"),
        pytest.param(b"dGhlIHNhbXBsZSBub25jZQ====", id="more padding"),
        pytest.param(b"dGhlIHNhbXBs ZSBub25jZQ==", id="space"),
        pytest.param(b"-_hlIHNhbXBsZSBub25jZQ==", id="URL alphabet"),
        pytest.param(base64.b64encode(bytes(15)), id="15 bytes"),
        pytest.param(base64.b64encode(bytes(17)), id="17 bytes"),
        pytest.param(b"=" * 24, id="padding only"),
        pytest.param(KEY.encode() + b", " + KEY.encode(), id="two in a list"),
    ],
)
def test_u8_the_key_must_be_canonical_base64_of_16_bytes(feed: Feed, key: bytes) -> None:
    assert feed.refusal(upgrade(b"Sec-WebSocket-Key: " + key, without=b"Sec-WebSocket-Key")).status == 400


@pytest.mark.parametrize("last", range(256))
def test_u8_every_last_byte_of_a_key_is_accepted_in_its_canonical_form(last: int) -> None:
    key = base64.b64encode(bytes(15) + bytes([last]))
    fields = {b"sec-websocket-version": [b"13"], b"sec-websocket-key": [key]}
    assert check_handshake("GET", "1.1", fields) == Handshake(key.decode())


@each_feed
def test_u8_the_key_must_be_there_once(feed: Feed) -> None:
    assert feed.refusal(upgrade(without=b"Sec-WebSocket-Key")).status == 400
    assert feed.refusal(upgrade(b"Sec-WebSocket-Key: " + KEY.encode())).status == 400


@each_feed
@pytest.mark.parametrize("version", [b"12", b"8", b"0", b"14", b"013", b"13, 8", b"8, 13", b"x", b""])
def test_u9_other_websocket_versions_are_refused_with_426(feed: Feed, version: bytes) -> None:
    refusal = feed.refusal(upgrade(b"Sec-WebSocket-Version: " + version, without=b"Sec-WebSocket-Version"))
    assert refusal.status == 426
    # RFC 9110, sections 7.8 and 15.5.22: a 426 names what to upgrade to, and names Upgrade in Connection.
    assert {(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"), (b"connection", b"upgrade")} == set(
        refusal.headers
    )


@each_feed
def test_u9_the_websocket_version_must_be_there_once(feed: Feed) -> None:
    for data in (upgrade(without=b"Sec-WebSocket-Version"), upgrade(b"Sec-WebSocket-Version: 13")):
        refusal = feed.refusal(data)
        assert (refusal.status, refusal.headers) == (400, [(b"sec-websocket-version", b"13")])


def test_the_method_comes_ahead_of_the_version_and_the_version_ahead_of_the_rest() -> None:
    def status(method: str, http_version: str, *headers: tuple[bytes, bytes]) -> int:
        refusal = check_handshake(method, http_version, group_fields(headers))
        assert isinstance(refusal, Refusal)
        return refusal.status

    body, version = (b"content-length", b"1"), (b"sec-websocket-version", b"8")
    assert status("POST", "1.0", body, version) == 405
    assert status("GET", "1.0", body, version) == 505
    assert status("GET", "1.1", body, version) == 400
    assert status("GET", "1.1", version) == 426
    assert status("GET", "1.1", (b"sec-websocket-version", b"13")) == 400


# Subprotocols


@each_feed
@pytest.mark.parametrize(
    ("lines", "subprotocols"),
    [
        ([b"chat"], ("chat",)),
        ([b"chat, superchat"], ("chat", "superchat")),
        ([b"b ,\ta", b"c,b"], ("b", "a", "c")),
        ([b"a,,b,"], ("a", "b")),
        ([b"", b"a"], ("a",)),
        ([b"Chat,chat"], ("Chat", "chat")),
        ([b"v1.x!#$%&'*+-^_`|~"], ("v1.x!#$%&'*+-^_`|~",)),
    ],
)
def test_r2_offers_are_split_on_commas_and_over_lines(
    feed: Feed, lines: list[bytes], subprotocols: tuple[str, ...]
) -> None:
    request = feed.request(upgrade(*[b"Sec-WebSocket-Protocol: " + line for line in lines]))
    assert request.handshake == Handshake(KEY, subprotocols)


@each_feed
@pytest.mark.parametrize(
    "offer", [b"", b",", b" , ,", b"a b", b"a, b c", b"a;b", b'"a"', b"a/b", b"a:b", b"a(b)", b"@"]
)
def test_c_2026_42544_offers_that_are_no_tokens_are_refused_with_400(feed: Feed, offer: bytes) -> None:
    assert feed.refusal(upgrade(b"Sec-WebSocket-Protocol: " + offer)).status == 400


@pytest.mark.parametrize(
    "value", [b"a" * 65536, b"," * 65536, b"a," * 32768, b" " * 65536, b"a" + b" \t" * 32767 + b"b"]
)
def test_c_2021_32640_adversarial_values_parse_in_linear_time(value: bytes) -> None:
    # Quadratic time would be many seconds each, which the test run's bound ends.
    limits = HeadLimits(max_head=1 << 20)
    for name in (b"Sec-WebSocket-Protocol: ", b"Sec-WebSocket-Extensions: ", b"Connection: ", b"Upgrade: ", b"X: "):
        Feed("whole").first_event(upgrade(name + value), limits)
    for extensions in (None, b"permessage-deflate"):
        response = switching_response(HANDSHAKE, [b"permessage-deflate, " + value], None, extensions, [])
        assert response.startswith(b"HTTP/1.1 101 ")


# The answer


def test_r3_the_response_has_each_header_once() -> None:
    response = switching_response(
        HANDSHAKE,
        [b"permessage-deflate"],
        "superchat",
        b"permessage-deflate",
        [(b"set-cookie", b"a=b"), (b"X", b" c ")],
    )
    assert response == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: superchat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        b"set-cookie: a=b\r\n"
        b"X: c\r\n"
        b"\r\n"
    )


def test_r2_the_response_has_no_subprotocol_unless_one_is_chosen() -> None:
    response = switching_response(HANDSHAKE, [], None, None, [])
    assert response.count(b"\r\n") == 5
    assert b"protocol:" not in response.lower()


@pytest.mark.parametrize(
    "subprotocol", ["other", "Chat", "", "chat, superchat", "chat\r\nX: y", "ch\x00at", "ch\u00e4t", b"chat"]
)
def test_r2_and_u17_the_subprotocol_must_be_one_that_was_offered(subprotocol: str) -> None:
    with pytest.raises(LocalProtocolError, match=re.escape(repr(subprotocol)) + r".*\(chat, superchat\)"):
        switching_response(HANDSHAKE, [], subprotocol, None, [])


def test_r2_no_subprotocol_can_be_chosen_when_none_was_offered() -> None:
    with pytest.raises(LocalProtocolError, match=r"\(none\)"):
        switching_response(Handshake(KEY), [], "chat", None, [])


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], b"permessage-deflate"),
        ([b"x-other, permessage-bzip2"], b"permessage-deflate"),
        ([b"permessage-deflate"], b"permessage-deflate, x-other"),
        ([b"permessage-deflate"], b""),
        ([b"permessage-deflate"], b"="),
        ([b'x; a="permessage-deflate, permessage-deflate"'], b"permessage-deflate"),
    ],
)
def test_r3_extensions_must_be_among_those_that_were_offered(offered: list[bytes], chosen: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"extensions b'.*' are not among"):
        switching_response(HANDSHAKE, offered, None, chosen, [])


def test_r3_extensions_that_were_offered_go_out_with_their_parameters() -> None:
    chosen = b"permessage-deflate; server_max_window_bits=10"
    response = switching_response(HANDSHAKE, [b"a", b"b; c, permessage-deflate; d"], None, chosen, [])
    assert b"\r\nSec-WebSocket-Extensions: " + chosen + b"\r\n" in response


@pytest.mark.parametrize(
    "name",
    [
        b"Sec-WebSocket-Accept",
        b"Sec-WebSocket-Protocol",
        b"Sec-WebSocket-Extensions",
        b"Sec-WebSocket-Version",
        b"Connection",
        b"Upgrade",
        b"Content-Length",
        b"Transfer-Encoding",
    ],
)
def test_u17_headers_of_the_handshake_itself_are_the_servers(name: bytes) -> None:
    for spelling in (name, name.lower(), name.upper()):
        with pytest.raises(LocalProtocolError, match=re.escape(repr(spelling))):
            switching_response(HANDSHAKE, [], "chat", None, [(b"a", b"b"), (spelling, b"x")])


@pytest.mark.parametrize(
    "header", [(b"a", b"b\r\nc: d"), (b"a", b"b\x00"), (b"a\r\nb", b"c"), (b"a b", b"c"), (b"", b"c"), ("a", b"b")]
)
def test_u17_malformed_headers_raise(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(LocalProtocolError, match=re.escape(repr(header[0]))):
        switching_response(HANDSHAKE, [], None, None, [header])
