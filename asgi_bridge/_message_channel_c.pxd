# C types for the compiled twin of message_channel.py, and nothing else.
import cython


cdef class MessageChannel:
    cdef object _transport
    cdef object _runtime
    cdef object _on_event
    cdef Py_ssize_t _max_messages
    cdef Py_ssize_t _max_bytes
    cdef Py_ssize_t _ceiling
    cdef Py_ssize_t _cost
    cdef list _messages
    cdef Py_ssize_t _oldest
    cdef list _waiting
    cdef object _idle_signal
    cdef long long _room
    cdef Py_ssize_t _steps
    cdef double _turn_ends
    cdef bint _turn_is_over
    cdef public object codec
    cdef public object last
    cdef public bint is_open
    cdef public bint blocked
    cdef public bint discards
    cdef public bint reading
    cdef public bint heard
    cdef public long long messages_received
    cdef public long long messages_sent
    cdef public long long bytes_received
    cdef public long long bytes_sent

    cpdef data_received(self, bytes data)
    cpdef pump(self)
    @cython.locals(waiting=list)
    cpdef take(self)
    cpdef wait(self)
    cpdef leave(self, signal)
    cpdef bint is_empty(self)
    cpdef wake(self)
    cdef _parse(self)
    cdef _resume(self)
    cdef _step(self)
    cdef _look_at_clock(self)
    cpdef bint has_messages(self)
    cdef Py_ssize_t _count(self)
    cdef bint _is_low(self)
    cpdef end(self)
    cpdef bint send(self, message)
    cpdef send_payload(self, payload)
    cpdef bint must_wait(self)
