# C types for the compiled twin of message_channel.py, and nothing else.
import cython


cdef class MessageChannel:
    cdef object _transport
    cdef object _new_signal
    cdef object _on_event
    cdef Py_ssize_t _max_messages
    cdef Py_ssize_t _max_bytes
    cdef Py_ssize_t _ceiling
    cdef Py_ssize_t _cost
    cdef list _messages
    cdef Py_ssize_t _oldest
    cdef list _waiting
    cdef object _idle_signal
    cdef long long _turn
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
    cdef Py_ssize_t _count(self)
    cdef bint _is_low(self)
    cpdef end(self)
    cpdef bint send(self, message)
    cpdef send_payload(self, payload)
    cpdef bint must_wait(self)
