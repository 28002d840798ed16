#!/bin/sh
# Stands for kubectl: does what the file after --kubeconfig says.
. "$6"
