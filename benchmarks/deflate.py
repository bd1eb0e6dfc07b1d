"""Compares what can deflate and inflate messages: zlib, zlib-ng and isal, whichever are installed.

    pip install zlib-ng isal
    python -m benchmarks.deflate

prints the tables of docs/deflate.md: CPU time per message, what is left of its size, memory per connection. All
engines take turns in each round, and the fastest round counts. Each result is checked against plain zlib.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

ENGINES: Final = {"zlib": "zlib", "zlib-ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}
LEVELS: Final = {"zlib": (1, 3, 6), "zlib-ng": (1, 2, 3, 6), "isal": (0, 1, 2, 3)}
SIZES: Final = {"64 B": 64, "256 B": 256, "1 KiB": 2**10, "16 KiB": 2**14, "64 KiB": 2**16, "1 MiB": 2**20}
COMMON_WORDS: Final = [
    "the",
    "of",
    "to",
    "and",
    "in",
    "is",
    "it",
    "you",
    "that",
    "was",
    "for",
    "on",
    "are",
    "with",
    "as",
    "his",
    "they",
    "be",
    "at",
    "one",
    "have",
    "this",
    "from",
    "or",
    "had",
    "by",
    "not",
    "but",
    "what",
    "some",
    "we",
    "can",
    "out",
    "other",
    "were",
    "all",
    "there",
    "when",
    "up",
    "use",
    "your",
    "how",
    "said",
    "an",
    "each",
    "she",
]
LETTERS: Final = "eeetttaaooiinnsshhrrddllccuummffppggwwyybbvvkkxjqz"
CONTEXTS_IN_MEMORY: Final = 300


@dataclass(frozen=True)
class Agreed:
    """What the handshake of permessage-deflate agreed on, with zlib's memory level."""

    window_bits: int
    memory_level: int
    takeover: bool


def load_engines() -> dict[str, Any]:
    """Return the modules of the engines that are installed."""
    engines = {}
    for name, module in ENGINES.items():
        try:
            engines[name] = importlib.import_module(module)
        except ImportError:
            print(f"{name} is not installed and is left out", file=sys.stderr)
    return engines


# Messages: the same ones each time, made of hashes


def noise(seed: str, size: int) -> bytes:
    """Return bytes that nothing can compress."""
    return hashlib.shake_128(seed.encode()).digest(size)


def prose(seed: str, size: int) -> str:
    """Return text of common and rare words, about as compressible as English."""
    words: list[str] = []
    dice = noise(seed, 12 * size)
    length = start = 0
    while length <= size:
        kind, pick, *letters = dice[start : start + 12]
        if kind < 200:
            word = COMMON_WORDS[pick * pick * len(COMMON_WORDS) >> 16]
        else:
            word = "".join(LETTERS[letter % len(LETTERS)] for letter in letters[: 3 + pick % 8])
        words.append(word)
        length += len(word) + 1
        start += 12
    return " ".join(words)[:size]


def chat(seed: str, size: int) -> bytes:
    """Return chat messages in JSON, cut to `size` bytes."""
    text = ""
    number = 0
    while len(text) < size:
        number += 1
        dice = noise(f"{seed} {number}", 16)
        entry = {
            "type": "message",
            "room": "general",
            "id": dice[:8].hex(),
            "user": {"id": int.from_bytes(dice[8:10], "big"), "name": prose(f"{seed} name {number}", 8)},
            "at": f"2026-03-{dice[10] % 28 + 1:02}T{dice[11] % 24:02}:{dice[12] % 60:02}:{dice[13] % 60:02}Z",
            "text": prose(f"{seed} text {number}", 20 + dice[14] // 2),
        }
        text += json.dumps(entry, separators=(",", ":"))
    return text[:size].encode()


KINDS: Final[dict[str, Callable[[str, int], bytes]]] = {
    "chat-like JSON": chat,
    "prose": lambda seed, size: prose(seed, size).encode(),
    "random bytes": noise,
}


def make_messages(kind: str, size: int) -> list[bytes]:
    """Return different messages, more of them when they are small."""
    return [KINDS[kind](f"{kind} {number}", size) for number in range(max(2, min(200, 2**20 // size)))]


# CPU time


def compress(engine: Any, level: int, agreed: Agreed, messages: Sequence[bytes]) -> list[bytes]:
    """Return each message deflated, with the tail of its sync flush."""
    context = None
    deflated = []
    for message in messages:
        if context is None or not agreed.takeover:
            context = engine.compressobj(level, zlib.DEFLATED, -agreed.window_bits, agreed.memory_level)
        deflated.append(context.compress(message) + context.flush(zlib.Z_SYNC_FLUSH))
    return deflated


def inflate(engine: Any, agreed: Agreed, deflated: Sequence[bytes]) -> list[bytes]:
    """Return each message inflated."""
    context = None
    messages = []
    for wire in deflated:
        if context is None or not agreed.takeover:
            context = engine.decompressobj(-agreed.window_bits)
        messages.append(context.decompress(wire, 2**21))
    return messages


def inflate_anew(engine: Any, agreed: Agreed, deflated: Sequence[bytes]) -> list[bytes]:
    """Return each message inflated by a context of its own, which takes over a copy of the window."""
    window = bytearray()
    messages = []
    for wire in deflated:
        message = engine.decompressobj(-agreed.window_bits, window).decompress(wire, 2**21)
        messages.append(message)
        if agreed.takeover:
            window += message[-(1 << agreed.window_bits) :]
            del window[: -(1 << agreed.window_bits)]
    return messages


def fastest(rounds: int, runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least CPU seconds of each run over all rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def measure(engines: dict[str, Any], kind: str, size: int, agreed: Agreed, rounds: int) -> dict[str, str]:
    """Return one column of a table: microseconds per message by engine, and the size that is left."""
    messages = make_messages(kind, size)
    from_peer = compress(zlib, 6, agreed, messages)
    runs: dict[str, Callable[[], object]] = {}
    left: dict[str, str] = {}
    for name, engine in engines.items():
        for level in LEVELS[name]:
            deflated = compress(engine, level, agreed, messages)
            if inflate(zlib, agreed, deflated) != messages:
                sys.exit(f"{name} level {level} does not make the round trip to zlib")
            left[f"{name} level {level}"] = f", {sum(map(len, deflated)) / len(messages) / size:.2f}"
            runs[f"{name} level {level}"] = partial(compress, engine, level, agreed, messages)
    for name, engine in engines.items():
        for how, function in ((f"{name} inflates", inflate), (f"{name} inflates, anew each time", inflate_anew)):
            if function(engine, agreed, from_peer) != messages:
                sys.exit(f"{how}: not what zlib deflated")
            runs[how] = partial(function, engine, agreed, from_peer)
    times = fastest(rounds, runs)
    return {name: f"{seconds / len(messages) * 1e6:,.1f}{left.get(name, '')}" for name, seconds in times.items()}


# Memory


def context_kib(name: str, level: int | None, agreed: Agreed, size: int) -> float:
    """Return the resident KiB of one context after 100 messages; only meaningful in a process of its own."""
    engine = importlib.import_module(ENGINES[name])
    messages = make_messages("chat-like JSON", size)
    messages = (messages * 100)[:100]
    wires = compress(zlib, 6, agreed, messages)

    def used_context() -> object:
        if level is None:
            context = engine.decompressobj(-agreed.window_bits)
            for wire in wires:
                context.decompress(wire, 2**21)
        else:
            context = engine.compressobj(level, zlib.DEFLATED, -agreed.window_bits, agreed.memory_level)
            for message in messages:
                context.compress(message)
                context.flush(zlib.Z_SYNC_FLUSH)
        return context

    contexts = [used_context() for _ in range(10)]
    before = resident_kib()
    contexts += [used_context() for _ in range(CONTEXTS_IN_MEMORY)]
    return (resident_kib() - before) / CONTEXTS_IN_MEMORY


def resident_kib() -> float:
    """Return how much memory this process holds; Linux tells."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024


# Tables


def table(title: str, columns: dict[str, dict[str, str]]) -> Iterator[str]:
    """Give the lines of a table in Markdown."""
    yield f"\n{title}\n"
    yield "| | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in next(iter(columns.values())):
        yield f"| {name} | " + " | ".join(column[name] for column in columns.values()) + " |"


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deflate", description=__doc__.partition("\n")[0])
    parser.add_argument("--window-bits", type=int, default=12, choices=range(9, 16))
    parser.add_argument("--memory-level", type=int, default=5, choices=range(1, 10))
    parser.add_argument("--no-context-takeover", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    agreed = Agreed(options.window_bits, options.memory_level, not options.no_context_takeover)
    engines = load_engines()
    print(f"{agreed}; zlib {zlib.ZLIB_RUNTIME_VERSION}; Python {sys.version.partition(' ')[0]}")
    for kind in KINDS:
        columns = {label: measure(engines, kind, size, agreed, options.rounds) for label, size in SIZES.items()}
        print(*table(f"{kind}: microseconds of CPU for one message, and what is left of its size", columns), sep="\n")
    memory: dict[str, dict[str, str]] = {"1 KiB": {}, "16 KiB": {}}
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=processes, max_tasks_per_child=1) as fresh_process:
        for label, column in memory.items():
            for name in engines:
                for level in (*LEVELS[name], None):
                    kib = fresh_process.submit(context_kib, name, level, agreed, SIZES[label]).result()
                    column[f"{name} inflates" if level is None else f"{name} level {level}"] = f"{kib:.1f}"
    print(*table("Memory: KiB of one live context after 100 messages of JSON", memory), sep="\n")


if __name__ == "__main__":
    main()
