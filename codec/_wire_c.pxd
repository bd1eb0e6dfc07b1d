# C types for the compiled twin of wire.py, and nothing else.
import cython

from wsserve.codec._masking_c cimport PayloadBuffer, new_payload_buffer, unmask, unmask_text

cdef int CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG
cdef int FIN, RSV, RSV1, RSV2_RSV3, OPCODE, MASKED, LENGTH, LENGTH_IN_2_BYTES, LENGTH_IN_8_BYTES
cdef Py_ssize_t MAX_CONTROL_PAYLOAD, MAX_KEPT, MAX_INFLATED_AT_ONCE


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
    cdef PayloadBuffer _payload
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

    @cython.locals(frames=Py_ssize_t)
    cdef _check_data_frame(self, int opcode, bint is_compressed, length)

    @cython.locals(start=Py_ssize_t, size=Py_ssize_t, turn=Py_ssize_t, most=Py_ssize_t)
    cdef _parse_payload(self)

    @cython.locals(first="int", size=Py_ssize_t)
    cdef bytes _message_frame(self, int opcode, bytes payload)
