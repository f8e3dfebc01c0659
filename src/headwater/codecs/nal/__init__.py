"""What H.264 and H.265 have in common: NAL units and parameter sets, to packets and back."""
