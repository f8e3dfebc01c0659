"""The users of the settings: their passwords and their rights."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from headwater.access.decision import Action
from headwater.access.password import StoredPassword, decoy, read_password
from headwater.access.settings import AccessSettings
from headwater.protocol.path_pattern import matches

_ANY_PATH = ("**",)


@dataclass(frozen=True, slots=True)
class User:
    """One who may answer a challenge; `real` is false for a name that nobody has."""

    name: str
    password: StoredPassword
    real: bool
    patterns: dict[Action, tuple[str, ...]]

    def may(self, action: Action, path: str) -> bool:
        """Return whether the user's rights cover this."""
        return any(matches(pattern, path) for pattern in self.patterns[action])


class UserTable:
    """Users by name. Asked for a name that nobody has, it makes up a user as costly as a real one.

    Which of the real users' password forms is imitated depends on the name alone, so that asking
    again tells nothing either.
    """

    def __init__(self, settings: AccessSettings) -> None:
        self._secret = secrets.token_bytes(32)
        self._by_name = {
            user.name: User(
                user.name,
                read_password(user.password),
                real=True,
                patterns={
                    Action.PUBLISH: user.publish,
                    Action.PLAY: user.read,
                    Action.LOOK: user.look,
                    Action.CONTROL: user.control,
                },
            )
            for user in settings.users
        }
        self._decoys = [decoy(user.password) for user in self._by_name.values()]
        self._anonymous = {
            Action.PUBLISH: _anonymous_patterns(settings, settings.anonymous_publish),
            Action.PLAY: _anonymous_patterns(settings, settings.anonymous_read),
            # Whoever plays may be unknown; whoever looks behind the scenes or acts is not.
            Action.LOOK: (),
            Action.CONTROL: (),
        }

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def find(self, name: str) -> User:
        """Return the user of that name, or one that no password fits. There must be a user."""
        number = hmac.new(self._secret, name.encode("utf-8", "replace"), hashlib.sha256).digest()
        password = self._decoys[int.from_bytes(number[:8], "big") % len(self._decoys)]
        nobody = User(name, password, real=False, patterns={})
        return self._by_name.get(name, nobody)

    def anonymous_may(self, action: Action, path: str) -> bool:
        """Return whether this needs no credentials."""
        patterns = self._anonymous[action]
        return patterns == _ANY_PATH or any(matches(pattern, path) for pattern in patterns)

    def anonymous_patterns(self, action: Action) -> tuple[str, ...]:
        """Return the paths for which this needs no credentials."""
        return self._anonymous[action]


def _anonymous_patterns(
    settings: AccessSettings, configured: tuple[str, ...] | None
) -> tuple[str, ...]:
    if configured is not None:
        return configured
    return _ANY_PATH if settings.lets_strangers_in else ()
