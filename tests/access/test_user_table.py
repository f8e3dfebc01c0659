import pytest

from headwater.access.decision import Action
from headwater.access.settings import AccessSettings, UserSettings
from headwater.access.user_table import UserTable

ANN = UserSettings(
    name="ann", password="secret", publish=("/cams/*",), read=("**",), look=("/cams/front",)
)


@pytest.mark.parametrize(
    ("action", "path", "may"),
    [
        (Action.PUBLISH, "/cams/front", True),
        (Action.PUBLISH, "/cams/front/low", False),
        (Action.PUBLISH, "/other", False),
        (Action.PLAY, "/other", True),
        (Action.LOOK, "/cams/front", True),
        (Action.LOOK, "/cams/back", False),
        (Action.CONTROL, "/cams/front", False),
    ],
)
def test_rights_of_a_user(action: Action, path: str, may: bool) -> None:
    assert UserTable(AccessSettings(users=(ANN,))).find("ann").may(action, path) is may


def test_a_name_that_nobody_has_is_as_costly_as_a_real_one_and_always_the_same() -> None:
    table = UserTable(AccessSettings(users=(ANN,)))
    assert table.find("ann").real
    nobody = table.find("bob")
    assert not nobody.real
    assert type(nobody.password) is type(table.find("ann").password)
    assert nobody.password is table.find("bob").password


@pytest.mark.parametrize(
    ("settings", "action", "may"),
    [
        (AccessSettings(), Action.PUBLISH, True),
        (AccessSettings(), Action.PLAY, True),
        (AccessSettings(), Action.LOOK, False),
        (AccessSettings(), Action.CONTROL, False),
        (AccessSettings(users=(ANN,)), Action.PLAY, False),
        (AccessSettings(users=(ANN,), anonymous_read=("/a",)), Action.PLAY, True),
        (AccessSettings(users=(ANN,), anonymous_read=("/b",)), Action.PLAY, False),
        (AccessSettings(anonymous_publish=()), Action.PUBLISH, False),
    ],
)
def test_what_needs_no_credentials(settings: AccessSettings, action: Action, may: bool) -> None:
    table = UserTable(settings)
    assert bool(table) is bool(settings.users)
    assert table.anonymous_may(action, "/a") is may
