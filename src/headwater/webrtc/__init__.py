"""Browsers as readers and publishers: ICE-lite, DTLS and SRTP on one port for all of them."""
