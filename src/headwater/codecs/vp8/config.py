"""What a key frame of VP8 says of the stream (RFC 6386 §9.1)."""

from dataclasses import dataclass

_START_CODE = b"\x9d\x01\x2a"


@dataclass(frozen=True, slots=True)
class Vp8Config:
    """What a decoder of one track is set up with."""

    width: int
    height: int

    @classmethod
    def of_key_frame(cls, frame: bytes) -> "Vp8Config":
        """Read a key frame's header.

        Raises:
            ValueError: it is none.
        """
        if frame[3:6] != _START_CODE or len(frame) < 10:
            raise ValueError("a VP8 key frame without its start code")
        # 14 bits of size, two of scaling.
        size = int.from_bytes(frame[6:8], "little"), int.from_bytes(frame[8:10], "little")
        return cls(size[0] & 0x3FFF, size[1] & 0x3FFF)
