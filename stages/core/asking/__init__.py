"""Models are asked, and no answer is paid for twice."""
