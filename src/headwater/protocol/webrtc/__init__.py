"""What browsers speak to a server before media flows: STUN, offer and answer, sans-I/O."""
