#!/bin/bash
# up.sh: two clusters, committed and burst, with a database between them, in the folder BASE, on ports from PORT on.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd); . $HERE/../common.sh
mkdir -p $BASE/db
start_munge
make_devices
mariadb-install-db --no-defaults --user=root --datadir=$BASE/db/data --auth-root-authentication-method=normal --skip-test-db >/dev/null 2>&1
mariadbd --no-defaults --user=root --datadir=$BASE/db/data --socket=$BASE/db/sock --skip-networking --pid-file=$BASE/db/pid >$BASE/db/log 2>&1 &
for _ in $(seq 100); do [ -S $BASE/db/sock ] && break; sleep 0.1; done
export MYSQL_UNIX_PORT=$BASE/db/sock
mkdir -p $BASE/db/etc
cat > $BASE/db/etc/slurmdbd.conf <<END
AuthType=auth/munge
AuthInfo=socket=$BASE/munge.sock
DbdHost=localhost
DbdPort=$PORT
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
LogFile=$BASE/db/slurmdbd.log
PidFile=$BASE/db/slurmdbd.pid
END
chmod 600 $BASE/db/etc/slurmdbd.conf
SLURM_CONF=$BASE/db/etc/slurm.conf slurmdbd
for _ in $(seq 100); do grep -q 'started$' $BASE/db/slurmdbd.log 2>/dev/null && break; sleep 0.1; done
start_cluster() {  # name prefix port
  local root=$BASE/$1 i
  mkdir -p $root/state $root/etc
  for i in 1 2 3 4; do mkdir -p $root/spool/$2$i; done
  sed "s#@CLUSTER@#$1#g; s#@BASE@#$BASE#g; s#@HOST@#$HOST#g; s#@PREFIX@#$2#g; s#@PORT@#$3#; s#@DBPORT@#$PORT#;
    s#@NODES@#$(($3+1))-$(($3+4))#" $HERE/slurm.conf.in > $root/etc/slurm.conf
  printf 'AutoDetect=off\nNodeName=%s[1-4] Name=gpu Type=h100 File=%s/devices/g[0-7]\n' $2 $BASE > $root/etc/gres.conf
  SLURM_CONF=$root/etc/slurm.conf slurmctld -c
  for i in 1 2 3 4; do SLURM_CONF=$root/etc/slurm.conf slurmd -N $2$i; done
}
start_cluster committed c $((PORT+1))
start_cluster burst b $((PORT+6))
export SLURM_CONF=$BASE/committed/etc/slurm.conf
for _ in $(seq 100); do [ "$(timeout 5 sacctmgr -nP show cluster format=controlhost | grep -c 127.0.0.1)" = 2 ] && break; sleep 0.2; done
for c in committed burst; do  # they register before they listen, and what they are told then is lost
  for _ in $(seq 100); do SLURM_CONF=$BASE/$c/etc/slurm.conf timeout 5 scontrol ping | grep -q 'is UP' && break; sleep 0.1; done
done
timeout 20 sacctmgr -i add federation lab clusters=committed,burst >/dev/null
for c in committed burst; do  # until then they number jobs as if they were alone
  for _ in $(seq 100); do SLURM_CONF=$BASE/$c/etc/slurm.conf timeout 5 scontrol show federation | grep -q Synced:Yes && break; sleep 0.2; done
  SLURM_CONF=$BASE/$c/etc/slurm.conf scontrol show federation | grep -q Synced:Yes
done
wait_for idle,4 --local -p gpu
SLURM_CONF=$BASE/burst/etc/slurm.conf wait_for idle,4 --local -p gpu
