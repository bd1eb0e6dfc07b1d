cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t size, bytes key)
