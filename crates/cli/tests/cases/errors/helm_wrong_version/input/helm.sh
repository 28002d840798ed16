#!/bin/sh
case $1 in
version) echo Client: v2.16.0+g1402 ;;
never) ;;
esac
