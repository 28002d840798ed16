#!/bin/sh
# What was read, as it was read, but for the annotations that only number the objects.
{ printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: read\ndata:\n  list: |\n'; grep -v 'config.kubernetes.io/\(index\|id\|local-config\|annotations-migration\)\|config.k8s.io/id: ["'\''] | sed 's/^/    /'; }
