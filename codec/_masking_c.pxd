from cpython.object cimport PyObject


cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t size)

cpdef str unmask_text(bytes data, Py_ssize_t start, Py_ssize_t size)


cdef class PayloadBuffer:
    cdef PyObject* _payload
    cdef Py_ssize_t _capacity
    cdef Py_ssize_t _size
    cdef Py_ssize_t _checked

    cpdef unmask(self, bytes data, Py_ssize_t start, Py_ssize_t size, bytes key, Py_ssize_t most)
    cpdef bint can_begin_text(self) except -1
    cpdef bytes take(self)
    cpdef str take_text(self)
    cdef void _clear(self) noexcept
    cdef _reserve(self, Py_ssize_t capacity)


cpdef PayloadBuffer new_payload_buffer()
