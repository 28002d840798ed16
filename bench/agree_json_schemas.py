#!/usr/bin/env python3
"""Compares the exported JSON schemas of kustomization files and terrace.yaml with the readers of Terrace.

usage: agree_json_schemas.py TERRACE XTASK DIRECTORY...

Needs the Python package jsonschema. Every kustomization.yaml, kustomization.yml, Kustomization and terrace.yaml below
the directories is read by both; every difference is printed.
"""
import collections
import json
import pathlib
import subprocess
import sys

import jsonschema

terrace, xtask, *roots = sys.argv[1:]
NAMES = {"kustomization.yaml", "kustomization.yml", "Kustomization", "terrace.yaml"}
files = sorted(str(path) for root in roots for path in pathlib.Path(root).rglob("*") if path.name in NAMES and path.is_file())


def validator(name):
    exported = subprocess.run([terrace, "schema", "export", name], stdout=subprocess.PIPE, check=True).stdout
    schema = json.loads(exported)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


validators = {"platform": validator("platform"), "kustomization": validator("kustomization")}
tally = collections.Counter()
for start in range(0, len(files), 500):
    lines = subprocess.run([xtask, "readers", *files[start : start + 500]], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in lines.splitlines():
        said = json.loads(line)
        name = "platform" if said["file"].endswith("terrace.yaml") else "kustomization"
        wrong = next(validators[name].iter_errors(said["value"]), None)
        if (wrong is None) == (said["error"] is None):
            tally[f"{name}: both {'right' if wrong is None else 'wrong'}"] += 1
            continue
        tally[f"{name}: {'reader' if wrong is None else 'schema'} alone"] += 1
        print(said["file"], "| reader:", said["error"], "| schema:", wrong and f"{wrong.json_path}: {wrong.message[:200]}")
for what, count in sorted(tally.items()):
    print(f"{count:6} {what}")
