"""How a client shows who it is: the challenges of a server, answered one request after another."""

from collections.abc import Callable, Iterable

from headwater.protocol.digest import answer_challenge, is_answerable, strength
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authenticate import (
    BasicChallenge,
    Challenge,
    DigestChallenge,
    parse_challenges,
)
from headwater.protocol.header.authorization import BasicCredentials, format_authorization


class Login:
    """A user's name and password, and the challenge that they answer now.

    Attributes:
        username: the user's name.
    """

    def __init__(
        self,
        username: str,
        password: str,
        random_text: Callable[[], str],
        *,
        digest_only: bool = False,
    ) -> None:
        """`random_text` makes client nonces (RFC 7616 §3.4): some characters, never the same.

        `digest_only`: a server that asks for the password as it is (Basic) does not get it.
        """
        self.username = username
        self._digest_only = digest_only
        self._password = password
        self._random_text = random_text
        self._challenge: Challenge | None = None
        self._cnonce = ""
        self._count = 0

    def __repr__(self) -> str:
        return f"Login({self.username!r})"

    def take(self, values: Iterable[str]) -> str | None:
        """Choose among the challenges of a 401, given as its WWW-Authenticate values.

        The strongest that is known here is answered from now on, wherever it stands. Returns None,
        or what is wrong where there is none to answer.
        """
        try:
            offered = parse_challenges(values)
        except ProtocolError as error:
            return f"its WWW-Authenticate cannot be read ({error})"
        answerable = [one for one in offered if is_answerable(one)]
        if not answerable:
            return "it offers no challenge that is known here (Digest with MD5 or SHA-256, Basic)"
        if self._digest_only:
            answerable = [one for one in answerable if not isinstance(one, BasicChallenge)]
            if not answerable:
                return "it asks for the password as it is (Basic), which is not to be sent"
        self._challenge = max(answerable, key=strength)
        # RFC 7616 §3.3: the count is of requests with this nonce.
        self._count = 0
        self._cnonce = self._random_text()
        return None

    @property
    def is_stale(self) -> bool:
        """Whether the last challenge says that only the nonce was too old (RFC 7616 §3.3)."""
        return isinstance(self._challenge, DigestChallenge) and self._challenge.stale

    def authorization(self, method: str, uri: str) -> str | None:
        """Return the Authorization of the next request; None before the first challenge."""
        match self._challenge:
            case None:
                return None
            case BasicChallenge():
                return format_authorization(BasicCredentials(self.username, self._password))
            case challenge:
                self._count += 1
                return format_authorization(
                    answer_challenge(
                        challenge,
                        username=self.username,
                        password=self._password,
                        method=method,
                        uri=uri,
                        cnonce=self._cnonce,
                        nc=self._count,
                    )
                )
