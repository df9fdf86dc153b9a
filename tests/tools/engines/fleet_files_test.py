#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of pipelines/fleet and what `spawn --print kubevirt` writes: YAML is YAML, manifests have only fields that their kinds have, GitLab's
list makes a pipeline, the timer's drop-in is one that systemd takes. Nothing of it runs a scheduler; Slurm is
slurm_test.sh."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
FLEET = ROOT / "pipelines" / "fleet"
# Written by unit_lifecycle (print_kubevirt_test.cpp).
PRINTED = ROOT / "tests" / "data" / "kubevirt"
ANY = object()
# The fields we use, as the API of each kind names them (batch/v1, cdi.kubevirt.io/v1beta1, kubevirt.io/v1): a
# typing error is an unknown one.
META = {"name": ANY, "namespace": ANY, "annotations": ANY, "labels": ANY}
RESOURCES = {"requests": ANY, "limits": ANY}
STORAGE = {"resources": RESOURCES, "storageClassName": ANY, "accessModes": ANY, "volumeMode": ANY}
CONTAINER = {
    "name": ANY,
    "image": ANY,
    "command": ANY,
    "args": ANY,
    "env": ANY,
    "resources": RESOURCES,
    "volumeMounts": [{"name": ANY, "mountPath": ANY, "readOnly": ANY}],
}
POD = {
    "restartPolicy": ANY,
    "nodeSelector": ANY,
    "terminationGracePeriodSeconds": ANY,
    "containers": [CONTAINER],
    "volumes": [
        {
            "name": ANY,
            "configMap": {"name": ANY},
            "hostPath": {"path": ANY, "type": ANY},
            "secret": {"secretName": ANY},
        }
    ],
}
REGISTRY = {"url": ANY, "imageStream": ANY, "pullMethod": ANY, "secretRef": ANY, "certConfigMap": ANY}
MACHINE = {
    "domain": {
        "cpu": {"cores": ANY},
        "memory": {"guest": ANY},
        "firmware": {"bootloader": {"bios": {}, "efi": {"secureBoot": ANY}}},
        "features": {"smm": {"enabled": ANY}},
        "devices": {
            "rng": ANY,
            "disks": [{"name": ANY, "disk": {"bus": ANY}}],
            "interfaces": [{"name": ANY, "masquerade": ANY}],
        },
    },
    "networks": [{"name": ANY, "pod": ANY}],
    "volumes": [
        {
            "name": ANY,
            "dataVolume": {"name": ANY},
            "containerDisk": {"image": ANY},
            "cloudInitNoCloud": {"secretRef": {"name": ANY}, "networkDataSecretRef": {"name": ANY}},
        }
    ],
}
KINDS = {
    ("v1", "ConfigMap"): {"data": ANY},
    ("v1", "Secret"): {"data": ANY},
    ("batch/v1", "Job"): {
        "spec": {
            "completionMode": ANY,
            "completions": ANY,
            "parallelism": ANY,
            "backoffLimit": ANY,
            "podFailurePolicy": {
                "rules": [
                    {"action": ANY, "onExitCodes": {"containerName": ANY, "operator": ANY, "values": ANY}}
                ]
            },
            "template": {"metadata": META, "spec": POD},
        }
    },
    ("cdi.kubevirt.io/v1beta1", "DataImportCron"): {
        "spec": {
            "schedule": ANY,
            "managedDataSource": ANY,
            "garbageCollect": ANY,
            "importsToKeep": ANY,
            "retentionPolicy": ANY,
            "template": {"metadata": META, "spec": {"source": {"registry": REGISTRY}, "storage": STORAGE}},
        }
    },
    ("cdi.kubevirt.io/v1beta1", "DataSource"): {"spec": {"source": {"pvc": {"name": ANY, "namespace": ANY}}}},
    ("kubevirt.io/v1", "VirtualMachine"): {
        "spec": {
            "runStrategy": ANY,
            "template": {"metadata": META, "spec": MACHINE},
            "dataVolumeTemplates": [
                {
                    "metadata": META,
                    "spec": {
                        "sourceRef": {"kind": ANY, "name": ANY, "namespace": ANY},
                        "source": {"registry": REGISTRY},
                        "storage": STORAGE,
                    },
                }
            ],
        }
    },
}


def unknown_fields(value, shape, where):
    if shape is ANY:
        return []
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is not a list"]
        return [
            fault for i, item in enumerate(value) for fault in unknown_fields(item, shape[0], f"{where}[{i}]")
        ]
    if not isinstance(value, dict):
        return [f"{where} is not a map"]
    faults = [f"{where}.{key} is unknown" for key in value if key not in shape]
    return faults + [
        fault
        for key in value
        if key in shape
        for fault in unknown_fields(value[key], shape[key], f"{where}.{key}")
    ]


def check_manifest(document, name):
    shape = KINDS[(document["apiVersion"], document["kind"])]
    return unknown_fields(
        document, {"apiVersion": ANY, "kind": ANY, "metadata": META, **shape}, f"{name}: {document['kind']}"
    )


def gitlab_pipeline(folder):
    """Runs the script of the job `list` with a stand-in for imgforge and reads the pipeline it wrote."""
    steps = yaml.safe_load((FLEET / "gitlab" / ".gitlab-ci.yml").read_text())["list"]["script"]
    program = folder / "imgforge"
    program.write_text('#!/bin/sh\necho \'{"images": [{"name": "debian13"}, {"name": "web.app"}]}\'\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", "\n".join(steps)], cwd=folder, env=environment, check=True)
    return yaml.safe_load((folder / "build.yml").read_text())


def main():
    faults = []
    for file in sorted(FLEET.rglob("*.y*ml")):
        documents = list(yaml.safe_load_all(file.read_text()))
        if file.parent.name == "kubernetes":
            faults += [fault for document in documents for fault in check_manifest(document, file.name)]
    printed = sorted(PRINTED.glob("*.yaml"))
    assert printed, f"nothing in {PRINTED}"
    for file in printed:
        secret, machine = yaml.safe_load_all(file.read_text())
        faults += check_manifest(secret, file.name) + check_manifest(machine, file.name)
        volumes = machine["spec"]["template"]["spec"]["volumes"]
        named = volumes[1]["cloudInitNoCloud"]["secretRef"]["name"]
        if named != secret["metadata"]["name"]:
            faults.append(f"{file.name}: the secret {named} is not the one that is made")
    assert check_manifest({"apiVersion": "v1", "kind": "ConfigMap", "dara": {}}, "wrong") == [
        "wrong: ConfigMap.dara is unknown"
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        jobs = gitlab_pipeline(folder)
        if (
            sorted(jobs) != ["debian13", "web.app"]
            or "imgforge images push \"debian13\" hub" not in jobs["debian13"]["script"]
        ):
            faults.append(f"GitLab's list made {jobs}")
        if shutil.which("systemd-analyze"):
            units = FLEET.parent / "units"
            shutil.copy(units / "imgforge-refresh.timer", folder)
            (folder / "imgforge-refresh.service").write_text("[Service]\nExecStart=/bin/true\n")
            shutil.copytree(
                FLEET / "systemd" / "imgforge-refresh.timer.d", folder / "imgforge-refresh.timer.d"
            )
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", str(folder / "imgforge-refresh.timer")],
                capture_output=True,
                text=True,
            )
            faults += [
                line for line in done.stderr.splitlines() if "imgforge" in line or "spread.conf" in line
            ]
    print("\n".join(faults) or "pipelines/fleet: all checks hold")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
