import pytest

from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.header_fields import check_headers, group_fields, has_token, is_token, list_elements


def test_fields_are_grouped_by_name_in_order() -> None:
    headers = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert group_fields(headers) == {b"a": [b"1", b"3"], b"b": [b"2"]}
    assert group_fields([]) == {}


def test_list_elements_are_split_on_commas_without_empty_ones() -> None:
    assert list_elements([b"a, b,,\tc \t", b"", b" , ", b"d e"]) == [b"a", b"b", b"c", b"d e"]


def test_has_token_ignores_the_case_of_ascii_only() -> None:
    assert has_token([b"keep-alive", b"x, UPGRADE"], b"upgrade")
    assert not has_token([b"upgraded, upgrade/2"], b"upgrade")
    assert not has_token(["websoc\u212aet".encode()], b"websocket")


def test_tokens() -> None:
    assert is_token(b"!#$%&'*+-.^_`|~09azAZ")
    for text in (b"", b"a b", b"a:", b"a\n", b"\xc3\xa9", b"a(b", b'"a"', b"a,b", b"a/b", b"\x7f"):
        assert not is_token(text)


def test_check_headers_returns_what_goes_on_the_wire() -> None:
    headers = [(b"X-Name", b" a\tb \x80\xff\t"), (b"x", b"")]
    assert check_headers(headers) == [(b"X-Name", b"a\tb \x80\xff"), (b"x", b"")]


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"a\n", b"\xe9", b"a\x00", b" a"])
def test_u17_header_names_must_be_tokens(name: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="must be a token"):
        check_headers([(name, b"value")])


@pytest.mark.parametrize("byte", [*range(9), *range(10, 32), 127])
def test_u17_header_values_must_not_have_control_characters(byte: int) -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        check_headers([(b"name", b"a" + bytes([byte]) + b"b")])
    with pytest.raises(LocalProtocolError, match="control character"):
        check_headers([(b"name", b"a" + bytes([byte]))])


@pytest.mark.parametrize("header", [("name", b"value"), (b"name", "value"), (b"name", None)])
def test_u17_headers_must_be_bytes(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(LocalProtocolError, match="must be a pair of bytes"):
        check_headers([header])
