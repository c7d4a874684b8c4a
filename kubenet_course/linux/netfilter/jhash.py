"""The hash that the kernel spreads with where a person could predict it (include/linux/jhash.h, after Bob Jenkins' lookup3)."""

WORD = 0xFFFFFFFF


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & WORD


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for first, second, third in ((4, 6, 8), (16, 19, 4)):
        a, c = ((a - c) & WORD) ^ _turned(c, first), (c + b) & WORD
        b, a = ((b - a) & WORD) ^ _turned(a, second), (a + c) & WORD
        c, b = ((c - b) & WORD) ^ _turned(b, third), (b + a) & WORD
    return a, b, c


def jhash2(words: list[int], seed: int) -> int:
    """The hash of 32-bit words, as a 32-bit number."""
    a = b = c = (0xDEADBEEF + (len(words) << 2) + seed) & WORD
    while len(words) > 3:
        a, b, c = _mixed((a + words[0]) & WORD, (b + words[1]) & WORD, (c + words[2]) & WORD)
        words = words[3:]
    if words:
        a, b, c = ((old + new) & WORD for old, new in zip((a, b, c), [*words, 0, 0], strict=False))
        for turn, next_turn, last_turn in ((14, 11, 25), (16, 4, 14)):
            c = ((c ^ b) - _turned(b, turn)) & WORD
            a = ((a ^ c) - _turned(c, next_turn)) & WORD
            b = ((b ^ a) - _turned(a, last_turn)) & WORD
        c = ((c ^ b) - _turned(b, 24)) & WORD
    return c
