#!/bin/sh
cat
cat <<X
results:
- message: use a newer server
  severity: warning
  resourceRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  field: {path: "spec.template.spec.containers[0].image", currentValue: "example.com/server:1", proposedValue: "example.com/server:2"}
- message: settings are few
  severity: info
  resourceRef: {apiVersion: v1, kind: ConfigMap, name: settings}
  field: {path: data.missing}
X
exit 0
