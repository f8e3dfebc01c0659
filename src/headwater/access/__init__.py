"""Who you are and what you may do on which mount."""

from headwater.access.auth_method import AuthMethod
from headwater.access.authenticator import Authenticator
from headwater.access.decision import (
    Action,
    Challenge,
    Decision,
    Forbidden,
    Granted,
    Throttled,
)
from headwater.access.password import PasswordForm, hash_password
from headwater.access.settings import AccessSettings, UserSettings

__all__ = [
    "AccessSettings",
    "Action",
    "AuthMethod",
    "Authenticator",
    "Challenge",
    "Decision",
    "Forbidden",
    "Granted",
    "PasswordForm",
    "Throttled",
    "UserSettings",
    "hash_password",
]
