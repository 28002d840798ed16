#!/bin/sh
case $1 in
version) echo v3.17.3 ;;
*) echo "Error: template: chart/x.yaml:7: boom" >&2; exit 3 ;;
esac
