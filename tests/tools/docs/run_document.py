#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the shell blocks of a document as its reader would, and compares what they say.

    run_document.py DOCUMENT          every block opened by ```sh, in a world of its own (world.sh), but for
    those that a
                                      comment excludes (document.py)
    run_document.py DOCUMENT MARK     those opened by ```sh MARK, in the current directory and store

Each block is a bash script of its own (errexit), all in one directory. A block ```output right after one that
ran lists lines that must come in this order in what it said on both streams; "…" stands for anything. A block
that is a file ("```yaml web.recipe", or "# ~/.config/imgforge/config.yaml" in its first line) is written, and
a recipe is validated and planned. """
import contextlib
import functools
import http.server
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from document import ROOT, blocks, replaced

LIMIT = 1200  # seconds for one block: a machine under software emulation needs minutes
HERE = pathlib.Path(__file__).resolve().parent


def as_pattern(line):
    return re.compile(".*".join(re.escape(part.strip()) for part in line.split("…")))


def missing(expected, said):
    """The first expected line that does not come, or nothing."""
    lines = iter(said.splitlines())
    for wanted in filter(None, expected.splitlines()):
        pattern = as_pattern(wanted)
        if not any(pattern.search(line) for line in lines):
            return wanted
    return None


def shell(script, where, limit=LIMIT):
    print(f"== {where}\n{script}", flush=True)
    given = (
        f". {os.environ['WORK']}/given\n" if os.path.exists(f"{os.environ.get('WORK', '')}/given") else ""
    )  # variables of world.sh
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", given + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=limit,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(f"FAILED: {where}: the block ends with {done.returncode}")
    return done.stdout


def write_file(block):
    """Writes a block that is a file of the reader's. Returns its path, or nothing."""
    name = block.word
    if settings := re.match(r"# (?:~/\.config|/etc)/(\S+\.yaml)\n", block.body):
        name = str(pathlib.Path(os.environ["HOME"], ".config", settings[1]))
    if not name:
        return None
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(replaced(block), encoding="utf-8")
    return path


def is_run(block, mark):
    return block.kind == "sh" and (block.word == mark if mark else block.reason is None)


def is_recipe(block):
    return block.kind == "yaml" and block.word.endswith(".recipe")


def run(all_blocks, document, mark):
    """Runs the blocks; returns how many ran and how many are excluded."""
    ran = excluded = 0
    said, previous = "", False
    for block in all_blocks:
        where = f"{document.name}:{block.line}"
        if block.kind == "output":
            if previous and (wanted := missing(block.body, said)) is not None:
                sys.exit(f"FAILED: {where}: '{wanted}' does not come in:\n{said}")
            previous = False
            continue
        previous = is_run(block, mark)
        if previous:
            said = shell(replaced(block), where)
            ran += 1
        elif block.kind == "sh":
            excluded += 1
        elif not mark and (path := write_file(block)) and path.suffix == ".recipe":
            shell(f"imgforge validate {path}\nimgforge build {path} --plan", where, 60)
    return ran, excluded


@contextlib.contextmanager
def world(document):
    """A user of the test with a key, a store with the images the documents speak of, a web server; removed at
    the end."""
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with tempfile.TemporaryDirectory(
        prefix="imgforge-doc-", dir=os.environ.get("TMPDIR", "/var/tmp")
    ) as folder:
        served = pathlib.Path(folder, "www")
        served.mkdir()
        with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(handler, directory=served)
        ) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            os.environ.update(
                WORK=folder,
                WEB=f"http://127.0.0.1:{server.server_port}",
                HOME=f"{folder}/user",
                ROOT=str(ROOT),
                IMGFORGE_HOME=f"{folder}/user/.local/share/imgforge",
                IMGFORGE_IMMUTABLE="off",
                LIBVIRT_DEFAULT_URI="embedded",  # a daemon of this host may not reach the world
                PATH=f"{folder}/bin:{os.environ['PATH']}",
            )
            os.environ.pop("XDG_CONFIG_HOME", None)
            os.makedirs(f"{folder}/here")
            os.chdir(f"{folder}/here")
            before = HERE / "before" / f"{document.stem}.sh"
            prepare = f". {HERE}/world.sh\n" + (f". {before}\n" if before.exists() else "")
            try:
                shell(prepare, f"before {document.name}", 120)
                yield
            finally:
                subprocess.run(["bash", "-c", f". {HERE}/world.sh; end_of_world"], timeout=120, check=False)
                server.shutdown()
                os.chdir("/")


def main():
    document, mark = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else ""
    all_blocks = list(blocks(document.read_text(encoding="utf-8")))
    needs_world = not mark and any(is_run(block, mark) or is_recipe(block) for block in all_blocks)
    with world(document) if needs_world else contextlib.nullcontext():
        if needs_world:  # a recipe may name a file that a later block shows
            for block in all_blocks:
                if block.kind not in ("sh", "output"):
                    write_file(block)
        ran, excluded = run(all_blocks, document, mark)
    if ran == 0 and mark:
        sys.exit(f"FAILED: {document.name} has no block marked '{mark}'")
    print(f"PASSED: {document.name}: {ran} blocks ran, {excluded} are left to others")


main()
