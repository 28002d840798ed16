#!/bin/sh
echo "I change nothing" >&2
cat
