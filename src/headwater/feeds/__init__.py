"""Access units of a mount for all who need pictures instead of packets.

Browsers, segments, recordings and decoders of one mount share one depacketizer for each track,
which runs only while somebody takes its access units (`mount_feeds.MountFeeds`).
"""
