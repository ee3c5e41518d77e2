#!/bin/bash
# up.sh: one controller, in the folder BASE, on ports from PORT on. JOB_SUBMIT_LUA: a job_submit.lua to load.
# EACH: accelerators of a node.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd); . $HERE/../common.sh
mkdir -p $BASE/etc $BASE/state $BASE/spool/c{1,2,3,4}
[ -s $BASE/jwt.key ] || { head -c 32 /dev/urandom > $BASE/jwt.key; chmod 600 $BASE/jwt.key; }
for f in slurm.conf resume.sh suspend.sh; do
  sed "s#@BASE@#$BASE#g; s#@HOST@#$HOST#g; s#@PORT@#$PORT#; s#@EACH@#$EACH#; s#@COMMITTED@#$((PORT+1))-$((PORT+4))#; s#@BURST@#$((PORT+5))-$((PORT+12))#;
    s#@JOBSUBMIT@#${JOB_SUBMIT_LUA:+JobSubmitPlugins=lua}#" $HERE/$f.in > $BASE/etc/$f
done
chmod +x $BASE/etc/*.sh
[ -z "${JOB_SUBMIT_LUA:-}" ] || cp "$JOB_SUBMIT_LUA" $BASE/etc/job_submit.lua
make_devices
printf 'AutoDetect=off\nNodeName=c[1-4],b[1-8] Name=gpu Type=h100 File=%s/devices/g[0-%d]\n' $BASE $((EACH-1)) > $BASE/etc/gres.conf
start_munge
export SLURM_CONF=$BASE/etc/slurm.conf
slurmctld -c
for n in c1 c2 c3 c4; do slurmd -N $n; done
wait_for idle,4 -p committed
