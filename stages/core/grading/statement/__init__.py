"""Where an answer makes its final statement."""
