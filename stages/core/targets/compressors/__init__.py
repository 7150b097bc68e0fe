"""Compressors: what rewrites a reasoning trace into a shorter one."""

# Characters of a trace; a longer one is dropped. A million tokens of reasoning have some four
# million characters and none of a model's traces came near; reading one takes 111 bytes of memory
# and 1.4 microseconds a character.
LONGEST_TRACE = 5_000_000
