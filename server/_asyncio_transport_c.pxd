# C types for the compiled twin of asyncio_transport.py, and nothing else.


cdef class AsyncioTransport:
    cdef object _context
    cdef object _loop
    cdef bint _gathers
    cdef list _gathered
    cdef Py_ssize_t _gathered_size
    cdef bint _peer_ended
    cdef bint _discarding
    cdef bint _lost
    cdef Py_ssize_t _slice
    cdef bytes _unfed
    cdef bint _wants_input
    cdef bint _in_turn
    cdef double _turn_ends
    cdef object _deadline
    cdef object _transport
    cdef object _connection
    cdef object _receive
    cdef object _tls
    cdef object _below

    cpdef data_received(self, bytes data)
    cpdef write(self, bytes data)
    cpdef write_soon(self, bytes data)
    cdef _gather(self, bytes data)
    cdef _hand_on(self, bytes data)
    cdef _send(self, bytes data)
