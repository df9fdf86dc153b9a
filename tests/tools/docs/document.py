# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced blocks of a document, and what its comments say about running them.

A comment directly above a block is for the tests and is not shown:
    <!-- not run: REASON; tests/boot/lifecycle.sh does it -->     the block stays unrun; a file it names must
    exist <!-- run with:                                                the block runs after these
    replacements; $WEB, $WORK … https://images.example.com = $WEB                             are the shell's
    -->
"""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```(\S*)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
COMMENT = re.compile(r"<!--\s*(not run|run with):((?:(?!-->).)*)-->\s*\Z", re.S)


@dataclasses.dataclass
class Block:
    line: int
    kind: str  # sh, output, yaml …
    word: str  # the second word of the fence: a mark of an sh block, else the file the block is
    body: str
    reason: str | None  # why it is not run
    replacements: list


def blocks(text):
    for match in FENCE.finditer(text):
        comment = COMMENT.search(text, max(0, match.start() - 2000), match.start())
        said = comment[2].strip() if comment else ""
        yield Block(
            line=text.count("\n", 0, match.start()) + 1,
            kind=match[1],
            word=match[2] or "",
            body=match[3],
            reason=said if comment and comment[1] == "not run" else None,
            replacements=[tuple(part.strip() for part in line.split(" = ", 1)) for line in said.splitlines()]
            if comment and comment[1] == "run with"
            else [],
        )


def replaced(block):
    """What is run: the body with the names of places exchanged. Throws when one does not occur."""
    body = block.body
    for old, new in block.replacements:
        if old not in body:
            raise ValueError(f"line {block.line}: '{old}' of 'run with' does not occur in the block")
        body = body.replace(old, new)
    return body
