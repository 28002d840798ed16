#!/usr/bin/env python3
"""Compares the verdicts of the schemas with those of kubectl-validate, document by document.

usage: agree_kubectl_validate.py XTASK VERSION DEFINITIONS DIRECTORY...

kubectl-validate runs the API server's own code: structural schemas, defaults, lists with keys, formats and rules in
CEL. DEFINITIONS is a directory of CustomResourceDefinitions that both read. Every difference is printed with what
either side says, and counted by the rule that made it.
"""
import collections
import json
import pathlib
import subprocess
import sys

xtask, version, definitions, *roots = sys.argv[1:]
# What kubectl-validate does not look at.
BEYOND = {"deprecated_api_version", "skipped_validation"}
NO_SCHEMA = ("missing_schema", "unknown_kind", "removed_api_version")
NOT_FOUND = ("failed to locate OpenAPI spec", "not found in")
BATCH = 200

files = sorted(
    str(path)
    for root in roots
    for path in pathlib.Path(root).rglob("*")
    if path.suffix in (".yaml", ".yml") and path.is_file()
)
ours = collections.defaultdict(list)
for start in range(0, len(files), BATCH):
    command = [xtask, "verdicts", "--schema-location", definitions, version, *files[start : start + BATCH]]
    for line in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        said = json.loads(line)
        said["findings"] = [finding for finding in said["findings"] if finding.split()[0] not in BEYOND]
        ours[said["file"]].append(said)
tally = collections.Counter()
for start in range(0, len(files), BATCH):
    batch = [file for file in files[start : start + BATCH] if ours[file]]
    command = ["kubectl-validate", "--local-crds", definitions, "--version", version, "-o", "json", *batch]
    printed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    theirs = json.loads(printed[: printed.rindex("}") + 1])
    for file in batch:
        statuses = theirs.get(file, [])
        if len(statuses) != len(ours[file]):
            # It counts documents without content.
            tally["file not paired"] += 1
            print(json.dumps({"file": file, "not paired": [len(statuses), len(ours[file])], "kubectl-validate": [s.get("message") for s in statuses]}))
            continue
        for status, said in zip(statuses, ours[file]):
            message = status.get("message", "")
            # It does not make up names, as the API server does for generateName.
            is_bad = status["status"] != "Success" and "metadata.name was not generated" not in message
            if "GVK cannot be empty" in message or not said["kind"]:
                tally["no object"] += 1
                continue
            findings = said["findings"]
            missing = any(words in message for words in NOT_FOUND)
            if missing or any(finding.startswith(NO_SCHEMA) for finding in findings):
                both = missing and any(finding.startswith(NO_SCHEMA) for finding in findings)
                tally["both without a schema" if both else "schema of one side"] += 1
                if both:
                    continue
            elif is_bad == bool(findings):
                tally["both wrong" if is_bad else "both right"] += 1
                continue
            else:
                rule = findings[0].split()[0] if findings else "kubectl-validate alone"
                tally[f"difference: {rule}"] += 1
            causes = [f"{c.get('field')}: {c.get('message')}" for c in status.get("details", {}).get("causes", [])]
            print(json.dumps({"file": file, "kind": said["kind"], "name": said["name"], "kubectl-validate": causes or message, "terrace": findings}))
for what, count in tally.most_common():
    print(f"{count:6} {what}")
