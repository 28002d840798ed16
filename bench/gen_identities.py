#!/usr/bin/env python3
"""Writes a platform with many identities: a tree with ServiceAccounts that are linked with Google service accounts,
pods that read and write buckets, and the grants of a project as gcloud prints them.

    bench/gen_identities.py DIR [--subjects 10000] [--bindings 50000]
"""
import argparse
import json
import pathlib

POD = """apiVersion: v1
kind: ServiceAccount
metadata:
  name: a{at}
  annotations:
    iam.gke.io/gcp-service-account: a{at}@acme.iam.gserviceaccount.com
---
apiVersion: v1
kind: Pod
metadata:
  name: p{at}
spec:
  serviceAccountName: a{at}
  containers:
  - name: main
    image: registry.example/worker@sha256:0
    args: [--data=gs://bucket-{bucket}/in.csv, --output=gs://bucket-{bucket}/out]
---
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--subjects", type=int, default=10_000)
    parser.add_argument("--bindings", type=int, default=50_000)
    args = parser.parse_args()
    buckets = max(1, args.subjects // 10)
    directory = args.directory
    (directory / "prod").mkdir(parents=True, exist_ok=True)
    (directory / "terrace.yaml").write_text(
        "apiVersion: terrace.dev/v1alpha1\nkind: Platform\nmetadata: {name: bench}\nspec:\n  identity: {iam: [iam.json]}\n"
        "  environments:\n  - {name: prod, path: prod, namespace: ml, project: acme}\n"
    )
    (directory / "prod" / "kustomization.yaml").write_text("namespace: ml\nresources: [objects.yaml]\n")
    objects = (POD.format(at=at, bucket=at % buckets) for at in range(args.subjects))
    (directory / "prod" / "objects.yaml").write_text("".join(objects))

    def account(at):
        return f"serviceAccount:a{at % args.subjects}@acme.iam.gserviceaccount.com"

    policies = {}

    def bind(resource, role, member):
        policies.setdefault(resource, []).append({"role": role, "members": [member]})

    project = "//cloudresourcemanager.googleapis.com/projects/acme"
    bind(project, "roles/logging.viewer", "group:ml@acme.com")
    for at in range(args.subjects):
        of = f"//iam.googleapis.com/projects/acme/serviceAccounts/a{at}@acme.iam.gserviceaccount.com"
        bind(of, "roles/iam.workloadIdentityUser", f"serviceAccount:acme.svc.id.goog[ml/a{at}]")
        bucket = f"//storage.googleapis.com/bucket-{at % buckets}"
        bind(bucket, "roles/storage.objectViewer", account(at))
        # One in a hundred may not write: that is what the check is to find.
        if at % 100:
            bind(bucket, "roles/storage.objectCreator", account(at))
    count = sum(len(bindings) for bindings in policies.values())
    for at in range(max(0, args.bindings - count)):
        bind(f"//storage.googleapis.com/other-{at % buckets}", "roles/storage.objectViewer", f"user:u{at}@acme.com")
    results = [
        {"resource": name, "project": "projects/17", "organization": "organizations/1", "policy": {"bindings": bindings}}
        for name, bindings in policies.items()
    ]
    (directory / "iam.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
