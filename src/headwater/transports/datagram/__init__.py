"""RTP over UDP, to one address or to a group: ingests, egresses and readers."""
