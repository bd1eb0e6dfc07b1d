# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled twin of `masking.py`: eight bytes at a time, which the C compiler turns into vector instructions."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_CLEAR, Py_XDECREF
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from "Python.h":
    PyObject* new_bytes "PyBytes_FromStringAndSize"(const char* data, Py_ssize_t size) except NULL
    int _PyBytes_Resize(PyObject** data, Py_ssize_t size) except -1
    char* bytes_data "PyBytes_AS_STRING"(PyObject* data)
    str PyUnicode_DecodeUTF8(const char* data, Py_ssize_t size, const char* errors)
    str PyUnicode_DecodeUTF8Stateful(const char* data, Py_ssize_t size, const char* errors, Py_ssize_t* consumed)


cdef enum:
    MAX_ON_STACK = 1024


cdef void xor_key(uint8_t* target, const uint8_t* source, Py_ssize_t size, const uint8_t* key) noexcept nogil:
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


cdef inline const uint8_t* piece(bytes data, Py_ssize_t start, Py_ssize_t size, Py_ssize_t before) except NULL:
    """Return where `size` bytes are that have `before` more in front of them."""
    if start < before or size < 0 or size > PyBytes_GET_SIZE(data) - start:
        raise IndexError(f"{size} bytes from {start} are not in {PyBytes_GET_SIZE(data)}")
    return <const uint8_t*>PyBytes_AS_STRING(data) + start


cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t size):
    """Return `size` bytes of `data` from `start`, unmasked with the key in the four bytes before them."""
    cdef const uint8_t* source = piece(data, start, size, 4)
    cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
    xor_key(<uint8_t*>PyBytes_AS_STRING(result), source, size, source - 4)
    return result


cpdef str unmask_text(bytes data, Py_ssize_t start, Py_ssize_t size):
    """Return what `unmask` does, as text. Raises `UnicodeDecodeError` when that is not UTF-8."""
    cdef const uint8_t* source = piece(data, start, size, 4)
    cdef uint8_t payload[MAX_ON_STACK]
    if size > MAX_ON_STACK:
        return unmask(data, start, size).decode()
    xor_key(payload, source, size, source - 4)
    return PyUnicode_DecodeUTF8(<const char*>payload, size, NULL)


cdef class PayloadBuffer:
    """The payload of one message while it arrives: pieces are unmasked to its end.

    It is a bytes object from the first piece on, so that the message is handed over without a copy. It grows to twice
    what has arrived at most: a header that announces much takes no memory.
    """

    def __dealloc__(self):
        Py_XDECREF(self._payload)

    cpdef unmask(self, bytes data, Py_ssize_t start, Py_ssize_t size, bytes key, Py_ssize_t most):
        """Append `size` bytes of `data` from `start`, unmasked with the four bytes of `key`, which begin at `start`.

        The payload will have `most` bytes at most: there will be room for no more than that.
        """
        cdef const uint8_t* source = piece(data, start, size, 0)
        cdef Py_ssize_t end = self._size + size
        if end > self._capacity:
            self._reserve(max(end, min(2 * end, most)))
        if size > 0:
            xor_key(
                <uint8_t*>bytes_data(self._payload) + self._size,
                source,
                size,
                piece(key, 0, 4, 0),
            )
            self._size = end

    cpdef bint can_begin_text(self) except -1:
        """Whether what is here is UTF-8 so far; a character may still be incomplete at its end."""
        cdef const char* data
        cdef uint64_t word
        cdef Py_ssize_t left, consumed = 0
        if self._size == 0:
            return True
        data = bytes_data(self._payload)
        # ASCII needs no decoding.
        while self._checked + 8 <= self._size:
            memcpy(&word, data + self._checked, 8)
            if word & 0x8080808080808080U:
                break
            self._checked += 8
        try:
            PyUnicode_DecodeUTF8Stateful(data + self._checked, self._size - self._checked, NULL, &consumed)
        except UnicodeDecodeError:
            return False
        self._checked += consumed
        left = self._size - self._checked
        # Python's incremental decoder waits for a third byte although these begin no character.
        return not (left == 2 and <uint8_t>data[self._checked] == 0xED and <uint8_t>data[self._checked + 1] >= 0xA0)

    cpdef bytes take(self):
        """Return the payload, and be empty again."""
        cdef bytes payload = b""
        if self._size > 0:
            self._reserve(self._size)
            payload = <bytes>self._payload
            self._clear()
        return payload

    cpdef str take_text(self):
        """Return the payload as text, and be empty again. Raises `UnicodeDecodeError` when it is not UTF-8."""
        cdef str text = ""
        if self._size > 0:
            text = PyUnicode_DecodeUTF8(bytes_data(self._payload), self._size, NULL)
            self._clear()
        return text

    cdef void _clear(self) noexcept:
        Py_CLEAR(self._payload)
        self._capacity = self._size = self._checked = 0

    cdef _reserve(self, Py_ssize_t capacity):
        if self._payload is NULL:
            self._payload = new_bytes(NULL, capacity)
        elif capacity != self._capacity:
            try:
                _PyBytes_Resize(&self._payload, capacity)
            except MemoryError:
                self._clear()  # nothing is left of what was there
                raise
        self._capacity = capacity


cpdef PayloadBuffer new_payload_buffer():
    """Return an empty buffer."""
    return PayloadBuffer()
