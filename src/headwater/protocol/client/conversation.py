"""A client's side of an RTSP connection without I/O: bytes in, events out, bytes to send."""

from headwater.protocol.client.dialogue import (
    Answered,
    Asked,
    ClientDialogue,
    DialogueEvent,
    ServerAsked,
    Unreadable,
)
from headwater.protocol.client.login import Login
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import InterleavedFrames
from headwater.protocol.wire_limits import WireLimits

__all__ = [
    "Answered",
    "Asked",
    "ClientConversation",
    "ConversationEvent",
    "ServerAsked",
    "Unreadable",
]

ConversationEvent = DialogueEvent | InterleavedFrames


class ClientConversation:
    """RTSP as a client speaks it, for any kind of I/O.

    Send what `data_to_send` returns after each call that may have made some: after `ask`, and after
    `next_event` has returned None.

    Attributes:
        dialogue: the state, the session and what the server offers; `dialogue.ask` makes requests.
    """

    def __init__(
        self, *, user_agent: str, login: Login | None = None, limits: WireLimits | None = None
    ) -> None:
        self.dialogue = ClientDialogue(user_agent, login)
        self._parser = WireParser(limits=limits)

    def receive_data(self, data: bytes) -> None:
        """Take what one read of the connection brought."""
        self._parser.receive_data(data)

    def next_event(self) -> ConversationEvent | None:
        """Return what came next; None when more data is needed.

        401 is answered here, and so is what the server asks. Raises ProtocolError where the
        connection cannot be followed any further: close it.
        """
        while True:
            try:
                came = self._parser.next_event()
            except ProtocolError as error:
                event = self.dialogue.receive(error)
                if error.fatal:
                    raise
                return event
            if came is None or isinstance(came, InterleavedFrames):
                return came
            event = self.dialogue.receive(came)
            if event is not None:
                return event

    def data_to_send(self) -> bytes:
        """Return what is to be sent now; it is not returned again."""
        return b"".join(message.to_bytes() for message in self.dialogue.messages_to_send())
