"""The words of session descriptions."""

SDP_WORDS = tuple(
    line.encode()
    for line in (
        "v=0\r\n",
        "o=- 1 2 IN IP4 127.0.0.1\r\n",
        "s=x\r\n",
        "c=IN IP4 0.0.0.0\r\n",
        "t=0 0\r\n",
        "b=AS:500\r\n",
        "m=video 0 RTP/AVP 96\r\n",
        "m=audio 0 RTP/AVP 97 0\r\n",
        "m=application 0 RTP/AVP\r\n",
        "a=rtpmap:96 H264/90000\r\n",
        "a=rtpmap:97 MPEG4-GENERIC/48000/2\r\n",
        "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0,aO\r\n",
        "a=control:trackID=0\r\n",
        "a=control:*\r\n",
        "a=sendonly\r\n",
        "a=range:npt=0-\r\n",
        "a=range:npt=0-120\r\n",
        "a=group:BUNDLE 0 1\r\n",
        "a=ssrc:1 cname:x\r\n",
        "m=video 0 RTP/AVP/TCP;unicast 96\r\n",
        "m=audio 0 RTP/AVP (null)\r\n",
        "m=video 0 RTP/AVP96 96\r\n",
        "i=\r\n",
        "a=\r\n",
        "b=RR:0\r\n",
        "a=rtcp-mux\r\n",
        "a=source-filter: incl IN IP4 * 1.2.3.4\r\n",
        "\ufeff",
    )
)
