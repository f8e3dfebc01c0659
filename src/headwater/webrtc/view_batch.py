"""Packets of one track as browsers get them: cut once for a mount, laid out once for each codec."""

from __future__ import annotations

from headwater.webrtc.layout import Layout


class ViewBatch:
    """At most `MOST_LAID_OUT_PACKETS` packets in order.

    Attributes:
        track: index of the mount's track.
        packets: with numbers of the view, under payload type 0.
        index: of the first of them: its number, and above it how often numbers have wrapped.
        size_bytes: their lengths added up.
        begins_key_frame: whether a decoder can begin with the first of them.
    """

    __slots__ = ("_layouts", "begins_key_frame", "index", "packets", "size_bytes", "track")

    def __init__(
        self, track: int, packets: list[bytes], index: int, *, begins_key_frame: bool
    ) -> None:
        self.track = track
        self.packets = packets
        self.index = index
        self.size_bytes = sum(map(len, packets))
        self.begins_key_frame = begins_key_frame
        self._layouts: dict[tuple[int, int], Layout] = {}

    def layout(self, payload_type: int, gap_bytes: int) -> Layout:
        """Return the packets for all peers with this payload type and tag; made once."""
        key = payload_type, gap_bytes
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout.of(
                self.packets, payload_type=payload_type, gap_bytes=gap_bytes
            )
        return layout

    def forget_layouts(self) -> None:
        """Let go of what was laid out, for packets that are kept but not being sent now."""
        self._layouts.clear()
