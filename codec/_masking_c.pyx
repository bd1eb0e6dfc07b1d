# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled twin of `masking.py`: eight bytes at a time, which the C compiler turns into vector instructions."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef inline void xor_key(uint8_t* target, const uint8_t* source, Py_ssize_t size, const uint8_t* key) noexcept nogil:
    cdef uint32_t half
    cdef uint64_t whole, word
    cdef Py_ssize_t index = 0
    memcpy(&half, key, 4)
    whole = (<uint64_t>half << 32) | half
    while index + 8 <= size:
        memcpy(&word, source + index, 8)
        word ^= whole
        memcpy(target + index, &word, 8)
        index += 8
    while index < size:
        target[index] = source[index] ^ key[index & 3]
        index += 1


cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t size, bytes key):
    """Return `size` bytes of `data` from `start`, XORed with the four bytes of `key`, which begin at `start`."""
    cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
    xor_key(<uint8_t*>PyBytes_AS_STRING(result), <const uint8_t*>PyBytes_AS_STRING(data) + start, size,
            <const uint8_t*>PyBytes_AS_STRING(key))
    return result
