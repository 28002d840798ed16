#!/bin/sh
sleep 300 &
sleep 300
