#!/bin/sh
cat > /dev/null
printf 'a: \377\376\n'
