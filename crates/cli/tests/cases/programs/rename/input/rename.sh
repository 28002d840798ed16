#!/bin/sh
sed 's/name: p-settings/name: other/'
