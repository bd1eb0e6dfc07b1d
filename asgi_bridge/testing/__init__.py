"""Testing applications in process, without sockets."""
