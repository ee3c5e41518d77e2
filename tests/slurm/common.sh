# What both rigs need: munge with a key of its own, and devices that look like accelerators.
HOST=$(hostname -s)
start_munge() {
  mkdir -p -m 755 $BASE/munge
  (umask 077; head -c 128 /dev/urandom > $BASE/munge/key)
  munged --key-file=$BASE/munge/key --socket=$BASE/munge.sock --pid-file=$BASE/munge/munged.pid \
    --log-file=$BASE/munge/munged.log --seed-file=$BASE/munge/munged.seed --num-threads=4 --force 2>/dev/null
}
make_devices() {  # without `File=` a node with accelerators is invalid
  mkdir -p $BASE/devices
  for i in 0 1 2 3 4 5 6 7; do [ -e $BASE/devices/g$i ] || mknod $BASE/devices/g$i c 1 3; done
}
wait_for() {  # wait_for "what sinfo says" sinfo-arguments…
  local wanted=$1; shift
  for _ in $(seq 100); do [ "$(timeout 2 sinfo -h "$@" -o %T,%D 2>/dev/null)" = "$wanted" ] && return; sleep 0.1; done
  echo "not $wanted: $(timeout 2 sinfo -h "$@" -o %T,%D 2>&1)" >&2; return 1
}
stop() {  # stop PIDFILE…: nobody but the processes that this rig has started
  local file pid
  for file in "$@"; do
    [ -f $file ] || continue
    pid=$(cat $file); kill ${SIGNAL:--TERM} $pid 2>/dev/null
    for _ in $(seq 50); do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
    kill -KILL $pid 2>/dev/null; rm -f $file
  done
}
