"""Masking of payloads (RFC 6455, section 5.3): each byte is XORed with the key's byte at its index modulo four."""


def apply_mask(data: bytes, key: bytes) -> bytes:
    """Return `data` masked, or unmasked, with the four bytes of `key`; the operation is its own inverse."""
    size = len(data)
    # One XOR of two long integers is the fastest that Python has without a compiler.
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")
