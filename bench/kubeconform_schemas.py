#!/usr/bin/env python3
"""Unpacks the schemas of the Python package kubernetes-validate for kubeconform.

usage: kubeconform_schemas.py PACKAGE VERSION OUT

PACKAGE is the directory kubernetes_validate of the unpacked package, VERSION such as 1.37. Afterwards:
kubeconform -strict -kubernetes-version VERSION.0 -schema-location OUT FILE...
"""
import json
import pathlib
import sys

package, version, out = sys.argv[1:]
source = pathlib.Path(package) / "kubernetes-json-schema" / f"v{version}.0-local-strict" / "_definitions.json"
target = pathlib.Path(out) / f"v{version}.0-standalone-strict"
target.mkdir(parents=True, exist_ok=True)
document = json.loads(source.read_text())
document.pop("$id", None)
(target / "_definitions.json").write_text(json.dumps(document))
for name, definition in document["$defs"].items():
    for kind in definition.get("x-kubernetes-group-version-kind", []):
        group = kind["group"].split(".")[0].lower()
        suffix = "-".join(part for part in [group, kind["version"].lower()] if part)
        schema = {"$ref": f"_definitions.json#/$defs/{name}"}
        (target / f"{kind['kind'].lower()}-{suffix}.json").write_text(json.dumps(schema))
