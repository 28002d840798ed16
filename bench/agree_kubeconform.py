#!/usr/bin/env python3
"""Compares the verdicts of the schemas with those of kubeconform -strict, document by document.

usage: agree_kubeconform.py XTASK PACKAGE VERSION DIRECTORY...

XTASK is the built program xtask, PACKAGE the directory kubernetes_validate of the unpacked Python package. Every
difference is printed with what either side says, and counted by the rule that made it.
"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import verdicts

xtask, package, version, *roots = sys.argv[1:]
here = pathlib.Path(__file__).parent
files = verdicts.yaml_files(roots)
ours = collections.defaultdict(list)
for said in verdicts.ours(xtask, [version], files):
    ours[said["file"], said["apiVersion"], said["kind"], said["name"]].append(said["findings"])
with tempfile.TemporaryDirectory() as out:
    subprocess.run([here / "kubeconform_schemas.py", package, version, out], check=True)
    command = ["kubeconform", "-strict", "-verbose", "-output", "json", "-n", "1"]
    command += ["-kubernetes-version", f"{version}.0", "-schema-location", out, *files]
    theirs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)["resources"]
tally = verdicts.Tally()
for said in theirs:
    key = said["filename"], said["version"], said["kind"], said["name"]
    if not said["kind"]:
        tally["no object"] += 1
        continue
    if not ours[key]:
        tally["not paired"] += 1
        print("not paired", said)
        continue
    findings = ours[key].pop(0)
    is_missing = "could not find schema" in said["msg"]
    if not tally.agree(findings, said["status"] != "statusValid", is_missing, "kubeconform"):
        print(json.dumps({"file": said["filename"], "kind": said["kind"], "name": said["name"], "kubeconform": said["msg"], "terrace": findings}))
tally.print()
