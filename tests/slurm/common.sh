# What both rigs need: munge with a key of its own, and devices that look like accelerators.
HOST=$(hostname -s)
EACH=${EACH:-8}  # accelerators of a node
start_munge() {
  mkdir -p -m 755 $BASE/munge
  (umask 077; head -c 128 /dev/urandom > $BASE/munge/key)
  munged --key-file=$BASE/munge/key --socket=$BASE/munge.sock --pid-file=$BASE/munge/munged.pid \
    --log-file=$BASE/munge/munged.log --seed-file=$BASE/munge/munged.seed --num-threads=4 --force 2>/dev/null
}
make_devices() {  # without `File=` a node with accelerators is invalid
  mkdir -p $BASE/devices
  local i; for i in $(seq 0 $((EACH-1))); do [ -e $BASE/devices/g$i ] || mknod $BASE/devices/g$i c 1 3; done
}
wait_for() {  # wait_for "what sinfo says" sinfo-arguments…
  local wanted=$1; shift
  for _ in $(seq 100); do [ "$(timeout 2 sinfo -h "$@" -o %T,%D 2>/dev/null)" = "$wanted" ] && return; sleep 0.1; done
  echo "not $wanted: $(timeout 2 sinfo -h "$@" -o %T,%D 2>&1)" >&2; return 1
}
is_alive() { local state; state=$(sed -n 's/^State:[[:space:]]*//p' /proc/$1/status 2>/dev/null) && [ -n "$state" ] && [ "${state:0:1}" != Z ]; }
stop() {  # stop PIDFILE…: nobody but the processes that this rig has started, all at once
  local file pid pids=()
  for file in "$@"; do [ -f $file ] && pids+=($(cat $file)) && rm -f $file; done
  for pid in "${pids[@]}"; do kill ${SIGNAL:--TERM} $pid 2>/dev/null; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 50); do is_alive $pid || break; sleep 0.1; done  # who has ended may be a zombie for long
    is_alive $pid && kill -KILL $pid
  done
  return 0
}
