from headwater.protocol.errors import Fault, ProtocolError, StateError


def test_an_error_says_what_where_and_at_which_byte() -> None:
    error = ProtocolError("no colon", where="header line", offset=17)

    assert str(error) == "no colon in header line at byte 17"
    assert (error.status, error.fault, error.request_cseq, error.fatal) == (
        400,
        Fault.REMOTE,
        None,
        False,
    )


def test_what_is_not_known_is_not_said() -> None:
    assert str(ProtocolError("no colon")) == "no colon"


def test_a_state_error_carries_what_would_have_been_allowed() -> None:
    error = StateError("PLAY first", allow=("SETUP", "TEARDOWN"))

    assert error.status == 455
    assert error.allow == ("SETUP", "TEARDOWN")
