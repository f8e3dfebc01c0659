"""A server in its own process, fuzzed over loopback beside a real publisher and real readers."""
