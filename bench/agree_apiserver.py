#!/usr/bin/env python3
"""Compares the verdicts of the schemas with those of a real API server, document by document.

usage: agree_apiserver.py [--wrong N] XTASK VERSION DEFINITIONS DIRECTORY...

The server is named by the variables APISERVER (https://127.0.0.1:6443) and TOKEN; it needs nothing beside etcd: no nodes, no
controllers, and without admission plugins that look for other objects. DEFINITIONS is a directory of
CustomResourceDefinitions: they are put on the server (without conversion webhooks), and both sides read them. Every
document of the YAML files below the directories is sent with `dryRun=All` and `fieldValidation=Strict`. Of each that is
right, N wrong ones are made (1 by default): a field is taken away, misspelt, given another type, another value, or
what its schema has besides; they are the same in every run. Every difference is printed with what either side says.
"""
import argparse
import collections
import copy
import http.client
import json
import os
import pathlib
import random
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

import yaml

import verdicts

arguments = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
arguments.add_argument("--wrong", type=int, default=1)
arguments.add_argument("xtask")
arguments.add_argument("version")
arguments.add_argument("definitions")
arguments.add_argument("roots", nargs="+")
arguments = arguments.parse_args()
if "APISERVER" not in os.environ:
    sys.exit("APISERVER and TOKEN must name an API server")
server = urllib.parse.urlparse(os.environ["APISERVER"])
Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What JSON has no type for is text.
for tag in ("timestamp", "value", "binary"):
    SafeLoader.add_constructor("tag:yaml.org,2002:" + tag, lambda loader, node: node.value)
connection = None


def call(method, path, body=None, kind="application/json"):
    """Status and answer of one request."""
    global connection
    headers = {"Authorization": "Bearer " + os.environ.get("TOKEN", ""), "Content-Type": kind, "Accept": "application/json"}
    for attempt in range(3):
        try:
            if connection is None:
                connection = http.client.HTTPSConnection(server.hostname, server.port, context=ssl._create_unverified_context(), timeout=60)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text[:1] == b"{" else {"message": text.decode(errors="replace")}
        except (http.client.HTTPException, OSError):
            connection = None
            if attempt == 2:
                raise


def definitions():
    """Puts the definitions on the server; their schemas by API version and kind."""
    schemas, names = {}, []
    for file in verdicts.yaml_files([arguments.definitions]):
        for definition in yaml.load_all(pathlib.Path(file).read_text(), SafeLoader):
            if not isinstance(definition, dict) or definition.get("kind") != "CustomResourceDefinition":
                continue
            definition["spec"].pop("conversion", None)
            definition.pop("status", None)
            definition["metadata"].setdefault("annotations", {})["api-approved.kubernetes.io"] = "unapproved"
            status, said = call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json.dumps(definition))
            if status not in (201, 409):
                print(json.dumps({"definition": definition["metadata"]["name"], "server": said.get("message")}))
                continue
            names.append(definition["metadata"]["name"])
            for version in definition["spec"]["versions"]:
                key = (definition["spec"]["group"] + "/" + version["name"], definition["spec"]["names"]["kind"])
                schemas[key] = version.get("schema", {}).get("openAPIV3Schema", {})
    for _ in range(120):
        _, listed = call("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        conditions = [item.get("status", {}).get("conditions") or [] for item in listed.get("items") or []]
        served = [any((one["type"], one["status"]) == ("Established", "True") for one in each) for each in conditions]
        if len(served) >= len(names) and all(served):
            break
        time.sleep(0.5)
    time.sleep(3)
    return schemas


def resources():
    """Where objects are created, by API version and kind: the path, and whether it has namespaces."""
    found = {}
    _, core = call("GET", "/api/v1")
    _, groups = call("GET", "/apis")
    lists = [("v1", "/api/v1", core)]
    for group in groups["groups"]:
        for version in group["versions"]:
            path = "/apis/" + version["groupVersion"]
            lists.append((version["groupVersion"], path, call("GET", path)[1]))
    for api_version, path, listed in lists:
        for resource in listed.get("resources", []):
            if "/" not in resource["name"] and "create" in resource.get("verbs", []):
                found[api_version, resource["kind"]] = (path, resource["name"], resource["namespaced"])
    return found


def documents(files):
    """The texts of the documents that are objects, with their files."""
    for file in files:
        text = pathlib.Path(file).read_text(errors="replace")
        for at, document in enumerate(re.split(r"(?m)^---(?:[ \t].*)?$", text)):
            try:
                # Values as they are written: no dates, no numbers.
                read = yaml.load(document, Loader)
            except yaml.YAMLError:
                continue
            if isinstance(read, dict) and isinstance(read.get("kind"), str) and isinstance(read.get("apiVersion"), str):
                yield "%s#%d" % (file, at), document, read


def server_says(kinds, read, body):
    """None where the server has no such kind, else whether the object is wrong, and why."""
    where = kinds.get((read["apiVersion"], read["kind"]))
    if where is None:
        return None
    path, name, has_namespaces = where
    metadata = read.get("metadata") if isinstance(read.get("metadata"), dict) else {}
    namespace = metadata.get("namespace")
    if has_namespaces:
        path += "/namespaces/" + urllib.parse.quote(str(namespace or "default"), safe="")
    status, said = call("POST", "%s/%s?dryRun=All&fieldValidation=Strict" % (path, name), body.encode(), "application/yaml")
    return status, said.get("message", "")


def places(node, schema, way=()):
    """Every field below a node: its way, its value, its schema."""
    if isinstance(node, dict):
        for key, value in node.items():
            if not way and key in ("apiVersion", "kind", "metadata", "status"):
                continue
            below = (schema.get("properties") or {}).get(key) or schema.get("additionalProperties") or {}
            yield way + (key,), value, below if isinstance(below, dict) else {}
            yield from places(value, below if isinstance(below, dict) else {}, way + (key,))
    elif isinstance(node, list):
        for at, value in enumerate(node):
            below = schema.get("items") or {}
            yield way + (at,), value, below
            yield from places(value, below, way + (at,))


def least(schema, depth=0):
    """A small value of a schema."""
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    kind = schema.get("type")
    if kind == "object" and depth < 6:
        properties = schema.get("properties") or {}
        return {name: least(properties.get(name, {}), depth + 1) for name in schema.get("required") or []}
    if kind == "array":
        return [least(schema.get("items") or {}, depth + 1)] if schema.get("minItems") and depth < 6 else []
    return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True, "object": {}}.get(kind, "x")


def spoil(read, schema, chance):
    """A copy of an object with one defect, perhaps; what was done. Not every change is a defect: both sides say."""
    spoilt = copy.deepcopy(read)
    all_places = list(places(spoilt, schema))
    if not all_places:
        return None
    way, value, below = chance.choice(all_places)
    holder = spoilt
    for step in way[:-1]:
        holder = holder[step]
    what = chance.choice(["take", "misspell", "type", "value", "value", "add", "add", "null", "twice"])
    last = way[-1]
    if what == "take":
        del holder[last]
    elif what == "misspell" and isinstance(last, str):
        holder[last + "X"] = holder.pop(last)
    elif what == "type":
        holder[last] = chance.choice([other for other in (7, "seven", True, [], {}, -1, 1.5, [{}]) if type(other) is not type(value)])
    elif what == "value":
        if isinstance(value, str):
            holder[last] = chance.choice(["", "-", "x" * 300, value.upper(), value + "/", "0", "a b"])
        elif isinstance(value, bool):
            holder[last] = not value
        elif isinstance(value, (int, float)):
            holder[last] = chance.choice([-1, 0, 70000, 3000000000, value + 0.5])
        elif isinstance(value, list):
            holder[last] = []
        else:
            holder[last] = {}
    elif what == "add":
        if not isinstance(value, dict):
            value, below = spoilt, schema
        known = [name for name in below.get("properties") or {} if name not in value and name != "status"]
        if not known:
            return None
        name = chance.choice(known)
        value[name] = least(below["properties"][name])
        last = name
    elif what == "null":
        holder[last] = None
    elif what == "twice" and isinstance(value, list) and value:
        value.append(copy.deepcopy(value[0]))
    else:
        return None
    return spoilt, "%s %s" % (what, ".".join(map(str, way)) + ("" if last == way[-1] else " + " + last))


def write(directory, at, text):
    path = "%s/%06d.yaml" % (directory, at)
    with open(path, "w") as file:
        file.write(text)
    return path


def compare(title, sent, kinds):
    """Both sides' verdicts on texts with their objects; those that both find right."""
    tally, good = verdicts.Tally(), []
    rules = collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        paths = {write(directory, at, text): at for at, (_, text, _) in enumerate(sent)}
        ours = {}
        listed = sorted(paths)
        for start in range(0, len(listed), 3000):
            for said in verdicts.ours(arguments.xtask, ["--schema-location", arguments.definitions, arguments.version], listed[start : start + 3000]):
                ours[paths[said["file"]]] = said["findings"]
        for at, (label, text, read) in enumerate(sent):
            said = server_says(kinds, read, text)
            if at not in ours:
                tally["not read by ours" if said is None or said[0] == 201 else "not read by either"] += 1
                continue
            if said is None:
                tally["no such kind on the server"] += 1
                continue
            status, message = said
            if status not in (201, 400, 409, 422):
                tally["server said %d" % status] += 1
                print(json.dumps({"document": label, "kind": read["kind"], "server": "%d %s" % (status, message[:300])}))
                continue
            if any(finding.startswith(verdicts.NO_SCHEMA) for finding in ours[at]):
                tally["schema of one side"] += 1
                print(json.dumps({"document": label, "kind": read["kind"], "terrace": ours[at], "server": status}))
                continue
            is_bad = status not in (201, 409)
            if tally.agree(ours[at], is_bad, False, "server"):
                if not is_bad:
                    good.append((label, text, read))
                for finding in ours[at]:
                    rules[finding.split()[0]] += 1
            else:
                print(json.dumps({"document": label, "kind": read["kind"], "apiVersion": read["apiVersion"], "server": message[:600], "terrace": ours[at]}))
    print(title)
    tally.print()
    print("       of what both find wrong: " + ", ".join("%s %d" % pair for pair in rules.most_common()))
    return good


schemas = definitions()
kinds = resources()
sent = list(documents(verdicts.yaml_files(arguments.roots)))
good = compare("documents", sent, kinds)
wrong = []
for label, text, _ in good:
    read = yaml.load(text, SafeLoader)
    schema = schemas.get((read["apiVersion"], read["kind"]))
    if schema is None:
        continue
    chance = random.Random(label.rsplit("/", 1)[-1] + read["kind"])
    for _ in range(arguments.wrong):
        spoilt = spoil(read, schema, chance)
        if spoilt:
            wrong.append(("%s: %s" % (label, spoilt[1]), yaml.safe_dump(spoilt[0], default_flow_style=False), spoilt[0]))
compare("changed documents", wrong, kinds)
