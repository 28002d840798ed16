#!/bin/sh
cat > /dev/null
cat <<X
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: settings
    annotations:
      kustomize.config.k8s.io/behavior: merge
  data: {more: "1"}
- apiVersion: v1
  kind: Secret
  metadata:
    name: token
    annotations:
      kustomize.config.k8s.io/needs-hash: "true"
  stringData: {token: t}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: listed}
X
