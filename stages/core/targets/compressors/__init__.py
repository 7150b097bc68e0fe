"""Compressors: what rewrites a reasoning trace into a shorter one."""

# Characters of a trace; a longer one is dropped. A million tokens of reasoning have some four
# million characters, and no model's trace came near that. Reading a trace takes 111 bytes of memory
# and 1.4 microseconds for each character.
LONGEST_TRACE = 5_000_000
