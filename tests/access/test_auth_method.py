import pytest

from headwater.access.auth_method import AuthMethod, shut_out_md5, with_offer

MD5, SHA256, BASIC = AuthMethod.DIGEST_MD5, AuthMethod.DIGEST_SHA256, AuthMethod.BASIC


@pytest.mark.parametrize(
    ("offered", "shut_out"),
    [
        ((), False),
        ((BASIC,), False),
        ((MD5,), False),
        ((MD5, SHA256), False),
        ((SHA256,), True),
        ((SHA256, BASIC), True),
    ],
)
def test_players_that_know_md5_alone(offered: tuple[AuthMethod, ...], shut_out: bool) -> None:
    assert shut_out_md5(offered) is shut_out
    complaint = with_offer("no", offered)
    assert complaint.startswith(f"no; offered: {', '.join(offered)}")
    assert ("offer digest-md5 too" in complaint) is shut_out
