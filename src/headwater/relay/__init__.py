"""What every way in and out of the server shares, whatever protocol it speaks."""
