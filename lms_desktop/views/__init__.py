"""The windows: what people see and press. Knows `client` and `school`; holds no keys and opens no sockets."""
