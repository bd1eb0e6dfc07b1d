# C types for the compiled twin of wire.py, and nothing else.
import cython

from wsserve.codec._masking_c cimport unmask


cdef class WireCodec:
    cdef Py_ssize_t _max_size
    cdef Py_ssize_t _max_fragments
    cdef object _inflater
    cdef object _deflater
    cdef bytes _data
    cdef Py_ssize_t _position
    cdef bint _eof
    cdef bint _over
    cdef object _message
    cdef bint _in_payload
    cdef Py_ssize_t _left
    cdef bytes _key
    cdef bint _fin

    cpdef receive_data(self, bytes data)
    cpdef next_event(self)

    @cython.locals(
        data=bytes, end=Py_ssize_t, position=Py_ssize_t, start=Py_ssize_t,
        first="int", second="int", opcode="int", length="long long",
    )
    cdef _parse(self)
