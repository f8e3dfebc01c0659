"""RTSP without a socket: a client and a server that hand each other bytes."""

from headwater.protocol import (
    Headers,
    InterleavedFrames,
    LowerTransport,
    ProtocolError,
    Request,
    Response,
    TransportSpec,
    WireParser,
    frame_interleaved,
    parse_transport,
    resolve_control,
)


def serve(parser: WireParser, data: bytes) -> bytes:
    """Take what a client sent and return what goes back to it."""
    parser.receive_data(data)
    answers = []
    try:
        while (event := parser.next_event()) is not None:
            if isinstance(event, Request):
                answers.append(answer(event))
    except ProtocolError as error:
        cseq = "0" if error.request_cseq is None else str(error.request_cseq)
        answers.append(Response(error.status, Headers([("CSeq", cseq)])).to_bytes())
    return b"".join(answers)


def answer(request: Request) -> bytes:
    target = resolve_control(request.uri, controls=["trackID=0"], mount="/cam")
    headers = Headers([("CSeq", str(request.cseq))])
    if target.path != "/cam":
        return Response(404, headers).to_bytes()
    match request.method:
        case "SETUP":
            offered = parse_transport(request.headers.get("Transport", ""))
            chosen = next(spec for spec in offered if spec.lower is LowerTransport.TCP)
            headers.set("Transport", chosen.to_header())
            headers.set("Session", "12345678;timeout=60")
        case "PLAY":
            packets = [b"\x80\x60\x00\x01" + bytes(8) + b"picture", b"\x80\x60\x00\x02" + bytes(8)]
            return Response(200, headers).to_bytes() + frame_interleaved(0, packets)
        case _:
            return Response(501, headers).to_bytes()
    return Response(200, headers).to_bytes()


def main() -> None:
    transport = TransportSpec(lower=LowerTransport.TCP, interleaved=(0, 1)).to_header()
    requests = [
        Request(
            "SETUP",
            "rtsp://example.net/cam/trackID=0",
            Headers([("CSeq", "1"), ("Transport", transport)]),
        ),
        Request("PLAY", "rtsp://example.net/cam", Headers([("CSeq", "2")])),
        Request("PLAY", "rtsp://example.net/other", Headers([("CSeq", "3")])),
        Request("PLAY", "rtsp://example.net/cam", Headers([("CSeq", "4")]), version="RTSP/2.0"),
    ]
    client, server = WireParser(), WireParser()
    for request in requests:
        client.receive_data(serve(server, request.to_bytes()))
        while (event := client.next_event()) is not None:
            match event:
                case Response():
                    print(event.cseq, event.status, event.reason)
                case InterleavedFrames():
                    print({channel: len(found) for channel, found in event.by_channel.items()})


if __name__ == "__main__":
    main()
