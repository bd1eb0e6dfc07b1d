"""The same small app written with each framework, and handlers of a framework's own kind.

/echo sends text back and reports the end, /close closes with 3001, /deny refuses, /items/5 sends its
parameter, /crash raises, /hello is HTTP.
"""
