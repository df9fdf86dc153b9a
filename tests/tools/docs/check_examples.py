#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_examples.py IMGFORGE: every recipe in a document (a yaml block with `stages` or `extends`), every
shipped recipe and every example, as an editor checks them: against the JSON Schema that `imgforge schema`
prints."""
import json
import subprocess
import sys

import jsonschema
import yaml

from document import ROOT, blocks

LEAST = 12  # recipes in documents: fewer means that they are no longer found


def recipes_of_documents():
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        for block in blocks(path.read_text()):
            if block.kind == "yaml":
                document = yaml.safe_load(block.body)
                if isinstance(document, dict) and {"stages", "extends"} & set(document):
                    yield f"{path.relative_to(ROOT)}:{block.line}", document


def main():
    schema = json.loads(subprocess.run([sys.argv[1], "schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    shown = list(recipes_of_documents())
    shipped = [(str(path.relative_to(ROOT)), yaml.safe_load(path.read_text()))
               for path in sorted(ROOT.glob("pipelines/recipes/**/*.recipe"))]
    failed = 0
    for place, recipe in shown + shipped:
        for error in validator.iter_errors(recipe):
            failed += 1
            print(f"{place}: {error.json_path}: {error.message[:200]}")
            for reason in error.context or []:
                print(f"    {reason.message[:200]}")
    print(f"{len(shown)} recipes in documents, {len(shipped)} shipped, {failed} errors")
    return 1 if failed or len(shown) < LEAST else 0


sys.exit(main())
