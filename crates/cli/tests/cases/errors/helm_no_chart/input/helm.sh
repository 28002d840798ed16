#!/bin/sh
case $1 in
version) echo v3.17.3 ;;
*) ;;
esac
