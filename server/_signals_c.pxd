# C types for the compiled twin of signals.py, and nothing else.


cdef class TaskSignal:
    cdef public bint _asyncio_future_blocking
    cdef object _cancellation
    cdef object _context
    cdef bint _is_set
    cdef object _loop
    cdef object _wake_task

    cpdef set(self)
    cpdef resume(self)
