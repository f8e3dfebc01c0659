"""The methods of RTSP."""

from enum import StrEnum


class Method(StrEnum):
    """Methods of RFC 2326 §10. Names are case-sensitive (RFC 2326 §6.1)."""

    OPTIONS = "OPTIONS"
    DESCRIBE = "DESCRIBE"
    ANNOUNCE = "ANNOUNCE"
    SETUP = "SETUP"
    PLAY = "PLAY"
    PAUSE = "PAUSE"
    RECORD = "RECORD"
    TEARDOWN = "TEARDOWN"
    GET_PARAMETER = "GET_PARAMETER"
    SET_PARAMETER = "SET_PARAMETER"
    REDIRECT = "REDIRECT"
