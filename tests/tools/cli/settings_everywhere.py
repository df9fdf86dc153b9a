#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistyped setting stops every command with its place, what was meant, and exit code 3: none of them goes
on with half of the settings."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

IMGFORGE = os.environ["IMGFORGE_BINARY"]

# What stands in the file, and what every command has to say about it.
MISTAKES = {
    "jobs: 2\nnotify: {comand: [mail]}\n": ":2:10: unknown key 'comand' in 'notify' (did you mean 'command'?)",
    "acceleration: 1\n": ":1:15: 'acceleration' must be text, not 1",
    "budget: {memroy: 1G}\n": ":1:10: unknown key 'memroy' in 'budget' (did you mean 'memory'?)",
    "budgett: {memory: 1G}\n": ":1:1: unknown setting 'budgett' (did you mean 'budget'?)",
}


def run(words, config):
    return subprocess.run(
        [IMGFORGE, *words],
        env={**os.environ, "XDG_CONFIG_HOME": str(config)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def commands(config):
    """The names the program's help lists, those of groups with both words."""
    every = []
    for line in run(["--help"], config).stdout.splitlines():
        if found := re.match(r"  ([a-z][a-z-]*)  +\S", line):
            name = found[1]
            inner = re.findall(rf"^  ({name} [a-z-]+)  +\S", run([name, "--help"], config).stdout, re.M)
            every += inner or [name]
    return every


def line_of(command, config):
    """The command with as many arguments as it takes to be read: words that name nothing."""
    for count in range(4):
        words = [*command.split(), *["a"] * count]
        done = run(words, config)
        if done.returncode != 2:
            return words, done
    sys.exit(f"FAILED: no command line for '{command}' was accepted: {done.stderr}")


def main():
    with tempfile.TemporaryDirectory(prefix="imgforge-settings-") as folder:
        os.chdir(folder)
        os.environ.update(HOME=folder, IMGFORGE_HOME=f"{folder}/home")
        config = pathlib.Path(folder) / "config"
        file = config / "imgforge" / "config.yaml"
        file.parent.mkdir(parents=True)
        (first, wanted), *others = MISTAKES.items()
        names = commands(config)
        assert len(names) > 60 and "images push" in names, names
        file.write_text(first)
        missed = []
        for name in names:
            words, done = line_of(name, config)
            if done.returncode != 3 or f"{file}{wanted}" not in done.stderr:
                missed.append(
                    f"{' '.join(words)}: exit {done.returncode}: {done.stdout[:200]}{done.stderr[:300]}"
                )
        for text, wanted in others:
            file.write_text(text)
            for words in (["list"], ["doctor"], ["build", "debian12", "--plan"]):
                done = run(words, config)
                if done.returncode != 3 or f"{file}{wanted}" not in done.stderr:
                    missed.append(f"{text}{' '.join(words)}: exit {done.returncode}: {done.stderr[:300]}")
        if missed:
            sys.exit("FAILED: these do not report the mistyped setting:\n" + "\n".join(missed))
        print(f"PASSED: {len(names)} commands")


main()
