#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every shell block of README.md and docs/ is run by run_document.py, or says why not. Fails on a block that
does neither.

    check_documents.py --list         the documents that have something to run
"""
import re
import sys

from document import ROOT, blocks, replaced

KINDS = {"sh", "output", "yaml", "text", "hcl", "python", "json", "ini"}
COMMAND = re.compile(
    r"^(?:\$ )?(?:sudo )?(?:imgforge|apt|apt-get|systemctl|scripts/\S+|rbd|ceph|openstack|curl|docker|virsh) "
)
LEAST_REASON = 20  # characters: "needs KVM" alone does not say who runs it instead


def faults_of(block):
    if block.kind not in KINDS:
        yield f"a fence of kind '{block.kind}': use one of {', '.join(sorted(KINDS))}"
    if block.kind == "text" and re.search(r"^\$ ", block.body, re.M) and block.reason is None:
        yield "a recorded session: say above it of when it is (<!-- not run: recorded … -->)"
    if block.kind != "sh":
        return
    if block.word and block.reason is None:
        yield f"a block marked '{block.word}' without a comment that says who runs it"
    if block.reason is not None:
        if len(block.reason) < LEAST_REASON:
            yield f"'{block.reason}' is not a reason"
        for path in re.findall(r"\b(?:tests|scripts)/[\w./-]*[\w/]", block.reason):
            if not (ROOT / path).exists():
                yield f"the reason names {path}, which does not exist"
    try:
        replaced(block)
    except ValueError as error:
        yield str(error)


def indented_commands(text):
    """Lines of indented blocks that look like commands: these blocks would escape the test."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and line.startswith("    ") and COMMAND.match(line.strip()):
            yield number


def runs(block):
    return (block.kind == "sh" and block.reason is None) or (
        block.kind == "yaml" and block.word.endswith(".recipe")
    )


def main():
    everything = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if sys.argv[1:] == ["--list"]:
        for document in everything:
            if any(runs(block) for block in blocks(document.read_text(encoding="utf-8"))):
                print(document.relative_to(ROOT))
        return
    faults, ran, excluded = [], 0, 0
    for document in everything:
        text = document.read_text(encoding="utf-8")
        name = document.relative_to(ROOT)
        faults += [
            f"{name}:{line}: a command in an indented block: put it into a fence ```sh"
            for line in indented_commands(text)
        ]
        for block in blocks(text):
            faults += [f"{name}:{block.line}: {fault}" for fault in faults_of(block)]
            if block.kind == "sh":
                ran += block.reason is None
                excluded += block.reason is not None
    print("\n".join(faults), end="\n" if faults else "")
    print(f"{ran} shell blocks run, {excluded} are excluded with a reason")
    if faults or ran < 20:
        sys.exit("FAILED")


main()
