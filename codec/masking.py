"""Masking of payloads (RFC 6455, section 5.3): each byte is XORed with the key's byte at its index modulo four."""


def unmask(data: bytes, start: int, size: int, key: bytes) -> bytes:
    """Return `size` bytes of `data` from `start`, XORed with the four bytes of `key`, which begin at `start`.

    The operation is its own inverse: it masks as well.
    """
    # One XOR of two long integers is the fastest that Python has without a compiler.
    repeated = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(data[start : start + size], "little")
    return (masked ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")
