"""What the catalogue is, and every decision about it: pure, with state and time passed in."""
