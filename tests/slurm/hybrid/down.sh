#!/bin/bash
HERE=$(cd "$(dirname "$0")" && pwd); . $HERE/../common.sh
SIGNAL=-KILL stop $BASE/slurmctld.pid $BASE/slurmd.*.pid
stop $BASE/munge/munged.pid
rm -rf $BASE
