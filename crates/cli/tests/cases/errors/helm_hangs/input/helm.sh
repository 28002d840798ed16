#!/bin/sh
case $1 in
version) echo v3.17.3 ;;
*) echo waiting >&2; sleep 300 & sleep 300 ;;
esac
