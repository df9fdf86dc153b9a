#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""language_server.py IMGFORGE RECIPES: what an editor says of recipes, asked of the real yaml-language-server
(npm install -g yaml-language-server) over its protocol: no diagnostics on the shipped recipes in RECIPES, one
where a key is mistyped, completion of stages and keys. Exit status 77 when the language server is not
installed (1 when IMGFORGE_REQUIRE names the tier machines)."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE = 60.0  # seconds for an answer; an emulated host is slow


class Server:
    """The language server as a child, its answers and notifications by id and by method."""

    def __init__(self, program, folder):
        self.child = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers, self.diagnostics, self.changed, self.last = {}, {}, threading.Condition(), 0
        threading.Thread(target=self.read, daemon=True).start()
        self.request("initialize", {"processId": os.getpid(), "rootUri": folder.as_uri(), "capabilities": {
            "workspace": {"configuration": True}, "textDocument": {"completion": {}}}})
        self.notify("initialized", {})

    def read(self):
        while True:
            length = 0
            while True:
                line = self.child.stdout.readline()
                if not line:
                    return
                if not line.strip():
                    break
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.take(json.loads(self.child.stdout.read(length)))

    def take(self, message):
        if message.get("method") == "workspace/configuration":
            settings = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}
            asked = [
                settings if item.get("section") == "yaml" else None for item in message["params"]["items"]
            ]
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": asked})
            return
        if "method" in message and "id" in message:
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            return
        with self.changed:
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif "id" in message:
                self.answers[message["id"]] = message.get("result")
            self.changed.notify_all()

    def send(self, message):
        body = json.dumps(message).encode()
        self.child.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.child.stdin.flush()

    def notify(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def wait(self, what, ready):
        end = time.monotonic() + DEADLINE
        with self.changed:
            while not ready():
                left = end - time.monotonic()
                if left <= 0:
                    sys.exit(f"FAILED: no answer to {what} within {DEADLINE:.0f} s")
                self.changed.wait(left)

    def request(self, method, params):
        self.last += 1
        number = self.last
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self.wait(method, lambda: number in self.answers)
        return self.answers[number]

    def open(self, path):
        """The diagnostics of a file."""
        uri = path.as_uri()
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "yaml", "version": 1, "text": path.read_text()}})
        self.wait(f"didOpen of {path.name}", lambda: uri in self.diagnostics)
        return self.diagnostics[uri]

    def completions(self, path):
        """What is offered at the end of a file."""
        lines = path.read_text().split("\n")
        self.open(path)
        answer = self.request("textDocument/completion", {
            "textDocument": {"uri": path.as_uri()},
            "position": {"line": len(lines) - 1, "character": len(lines[-1])}})
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return [item["label"] for item in items]


def check(what, holds, seen=""):
    if not holds:
        sys.exit(f"FAILED: {what}: {seen}")
    print(f"ok: {what}")


def main():
    imgforge, recipes = sys.argv[1], pathlib.Path(sys.argv[2])
    program = shutil.which("yaml-language-server")
    if not program:
        if "machines" in os.environ.get("IMGFORGE_REQUIRE", "").split(","):
            sys.exit("FAILED: yaml-language-server is not installed: npm install -g yaml-language-server")
        print("SKIPPED: no yaml-language-server")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "recipe.schema.json").write_bytes(
            subprocess.run([imgforge, "schema"], check=True, capture_output=True).stdout
        )
        head = "# yaml-language-server: $schema=recipe.schema.json\n"
        server = Server(program, folder)
        shipped = sorted(recipes.glob("*.recipe")) + sorted(recipes.glob("examples/*.recipe"))
        check("there are shipped recipes", len(shipped) > 10, len(shipped))
        for recipe in shipped:
            copy = folder / recipe.name
            copy.write_text(recipe.read_text().replace("../recipe.schema.json", "recipe.schema.json"))
            found = server.open(copy)
            check(f"no diagnostics on {recipe.name}", not found, [one["message"] for one in found])
        wrong = folder / "wrong.recipe"
        wrong.write_text(head + "name: x\nos: debian13\nmachine:\n  memroy: 1G\nstages:\n  - sysprep:\n")
        found = server.open(wrong)
        check(
            "a mistyped key is shown in its line",
            any("memroy" in one["message"] and one["range"]["start"]["line"] == 4 for one in found),
            found,
        )
        stage = folder / "stage.recipe"
        stage.write_text(head + "name: x\nstages:\n  - ")
        offered = server.completions(stage)
        check(
            "stages are offered",
            {"install", "customize", "sysprep", "publish", "spawn"} <= set(offered),
            offered,
        )
        key = folder / "key.recipe"
        key.write_text(head + "name: x\nmachine:\n  ")
        offered = server.completions(key)
        check("keys of machine are offered", {"memory", "disk", "firmware"} <= set(offered), offered)
        server.child.kill()
    print("PASSED")


main()
