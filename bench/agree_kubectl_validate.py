#!/usr/bin/env python3
"""Compares the verdicts of the schemas with those of kubectl-validate, document by document.

usage: agree_kubectl_validate.py XTASK VERSION DEFINITIONS SECONDS DIRECTORY...

kubectl-validate runs the API server's own code: structural schemas, defaults, lists with keys, formats and rules in
CEL. DEFINITIONS is a directory of CustomResourceDefinitions that both read. Every difference is printed with what
either side says, and counted by the rule that made it. It is slow: after SECONDS no further files are begun, and the
last line says how many were compared.
"""
import collections
import json
import subprocess
import sys
import time

import verdicts

xtask, version, definitions, seconds, *roots = sys.argv[1:]
end = time.monotonic() + float(seconds)
NOT_FOUND = ("failed to locate OpenAPI spec", "not found in")
BATCH = 25

files = verdicts.yaml_files(roots)
ours = collections.defaultdict(list)
for start in range(0, len(files), BATCH):
    arguments = ["--schema-location", definitions, version]
    for said in verdicts.ours(xtask, arguments, files[start : start + BATCH]):
        ours[said["file"]].append(said)
tally = verdicts.Tally()
compared = 0
for start in range(0, len(files), BATCH):
    if time.monotonic() > end:
        break
    compared = min(start + BATCH, len(files))
    batch = [file for file in files[start : start + BATCH] if ours[file]]
    if not batch:
        continue
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
            is_missing = any(words in message for words in NOT_FOUND)
            if tally.agree(findings, is_bad, is_missing, "kubectl-validate"):
                continue
            causes = [f"{c.get('field')}: {c.get('message')}" for c in status.get("details", {}).get("causes", [])]
            print(json.dumps({"file": file, "kind": said["kind"], "name": said["name"], "kubectl-validate": causes or message, "terrace": findings}))
tally.print()
print(f"{compared} of {len(files)} files")
