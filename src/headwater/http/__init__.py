"""The web's door: one TCP port for browsers, with its limits, deadlines, rights and refusals."""
