"""Bytes to events and events to bytes, without I/O: HTTP/1.1 upgrade, WebSocket frames, permessage-deflate."""
