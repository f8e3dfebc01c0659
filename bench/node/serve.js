// rtsp-streaming-server as its readme starts it: publish port, play port, first RTP port, count.
const RtspServer = require('rtsp-streaming-server').default

const [serverPort, clientPort, rtpPortStart, rtpPortCount] = process.argv.slice(2).map(Number)

new RtspServer({ serverPort, clientPort, rtpPortStart, rtpPortCount }).start().catch((error) => {
  console.error(error)
  process.exit(1)
})
