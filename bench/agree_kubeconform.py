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

xtask, package, version, *roots = sys.argv[1:]
# What kubeconform does not look at in any schema.
BEYOND = {"deprecated_api_version", "skipped_validation"}
here = pathlib.Path(__file__).parent
files = sorted(
    str(path)
    for root in roots
    for path in pathlib.Path(root).rglob("*")
    if path.suffix in (".yaml", ".yml") and path.is_file()
)
ours = collections.defaultdict(list)
for line in subprocess.run([xtask, "verdicts", version, *files], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
    said = json.loads(line)
    ours[said["file"], said["apiVersion"], said["kind"], said["name"]].append(
        [finding for finding in said["findings"] if finding.split()[0] not in BEYOND]
    )
with tempfile.TemporaryDirectory() as out:
    subprocess.run([here / "kubeconform_schemas.py", package, version, out], check=True)
    command = ["kubeconform", "-strict", "-verbose", "-output", "json", "-n", "1"]
    command += ["-kubernetes-version", f"{version}.0", "-schema-location", out, *files]
    theirs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)["resources"]
tally = collections.Counter()
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
    is_bad = said["status"] != "statusValid"
    missing = "could not find schema" in said["msg"]
    if missing or any(f.startswith(("missing_schema", "unknown_kind", "removed_api")) for f in findings):
        same = missing and any(f.startswith(("missing_schema", "unknown_kind", "removed_api")) for f in findings)
        tally["both without a schema" if same else "schema of one side"] += 1
        if same:
            continue
    elif is_bad == bool(findings):
        tally["both wrong" if is_bad else "both right"] += 1
        continue
    else:
        rule = findings[0].split()[0] if findings else "kubeconform alone"
        tally[f"difference: {rule}"] += 1
    print(json.dumps({"file": said["filename"], "kind": said["kind"], "name": said["name"], "kubeconform": said["msg"], "terrace": findings}))
for what, count in tally.most_common():
    print(f"{count:6} {what}")
