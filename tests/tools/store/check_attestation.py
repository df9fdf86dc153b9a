#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An independent reader of attestation.json: nothing of imgforge, only the specifications (DSSE v1, in-toto
Statement v1, SLSA provenance v1). check_attestation.py FOLDER PUBLIC-KEY.pem; exit 0 when all of it holds."""
import base64, hashlib, json, pathlib, sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

folder, key_file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
key = load_pem_public_key(key_file.read_bytes())
envelope = json.loads((folder / "attestation.json").read_text())
kind, payload = envelope["payloadType"], base64.b64decode(envelope["payload"], validate=True)
signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
for one in envelope["signatures"]:
    try:
        key.verify(base64.b64decode(one["sig"], validate=True), signed)
        break
    except InvalidSignature:
        pass
else:
    sys.exit("no signature by this key")
assert kind == "application/vnd.in-toto+json", kind
statement = json.loads(payload)
assert statement["_type"] == "https://in-toto.io/Statement/v1", statement["_type"]
assert statement["predicateType"] == "https://slsa.dev/provenance/v1", statement["predicateType"]
definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
assert definition["buildType"] and definition["externalParameters"] and details["builder"]["id"]
names = [d["name"] for d in definition["resolvedDependencies"]]
assert any(n.startswith("recipe") for n in names) and "medium" in names and "packages.json" in names, names
assert all(len(d["digest"]["sha256"]) == 64 for d in definition["resolvedDependencies"]), names
subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
assert set(subjects) == {"disk.qcow2", "manifest.json"}, subjects
for name, digest in subjects.items():
    if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
        sys.exit(f"{name} was changed")
