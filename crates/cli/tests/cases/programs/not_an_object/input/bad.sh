#!/bin/sh
cat > /dev/null
echo 'just: this'
