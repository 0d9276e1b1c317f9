#!/usr/bin/env bash
# A cluster of two hosts on this machine: network namespaces with addresses of their own, joined by a virtual cable. The
# second has no copy of this package. As root, from anywhere:
#   experiments/cluster/two_hosts.sh run cartpole --seed 1 --generations 20 --out results
# The arguments go to evoneuro, which runs on the first host and joins the cluster by --address. PYTHON says which Python
# has evoneuro and Ray (python3).
set -euo pipefail

python=${PYTHON:-python3}
one=10.77.0.1 two=10.77.0.2 port=6379
a=evoneuro-a-$$ b=evoneuro-b-$$ started=()
folder=$(mktemp -d /tmp/h-XXXX)  # short, for the sockets in it may have about 100 characters
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$folder/token RAY_USAGE_STATS_ENABLED=0 RAY_METRICS_ENABLED=0
(umask 077 && "$python" -c "import secrets; print(secrets.token_hex(32), end='')" > "$folder/token")
package=$("$python" -c "import evoneuro, pathlib; print(pathlib.Path(evoneuro.__file__).parent)")

stop() {
    for process in "${started[@]}"; do kill -TERM -- "-$process" 2> /dev/null || true; done
    sleep 2
    for process in "${started[@]}"; do kill -KILL -- "-$process" 2> /dev/null || true; done
    ip netns del "$a" 2> /dev/null || true
    ip netns del "$b" 2> /dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

ip netns add "$a"
ip netns add "$b"
ip link add "va$$" netns "$a" type veth peer name "vb$$" netns "$b"
ip -n "$a" addr add "$one/24" dev "va$$"
ip -n "$b" addr add "$two/24" dev "vb$$"
for host in "$a" "$b"; do ip -n "$host" link set lo up; done
ip -n "$a" link set "va$$" up
ip -n "$b" link set "vb$$" up

ray=("$python" -m ray.scripts.scripts start --block --num-cpus=1 --object-store-memory=80000000 --disable-usage-stats)
setsid ip netns exec "$a" "${ray[@]}" --head --node-ip-address=$one --port=$port --temp-dir="$folder/ray" \
    --include-dashboard=false > "$folder/one.log" 2>&1 &
started+=($!)
for _ in $(seq 120); do
    ip netns exec "$a" bash -c "exec 3<> /dev/tcp/$one/$port" 2> /dev/null && break
    kill -0 "${started[0]}" || { cat "$folder/one.log" >&2; exit 1; }
    sleep 0.5
done
# "mount" hides the package from this host alone; the folder to stand in must be another
cd /
setsid ip netns exec "$b" unshare --mount sh -c "mount -t tmpfs none '$package' && exec \"\$@\"" host \
    "${ray[@]}" --address=$one:$port --node-ip-address=$two > "$folder/two.log" 2>&1 &
started+=($!)
cd "$OLDPWD"
for _ in $(seq 120); do
    grep -q "Ray runtime started" "$folder/two.log" && break
    kill -0 "${started[1]}" || { cat "$folder/two.log" >&2; exit 1; }
    sleep 0.5
done

ip netns exec "$a" "$python" -m evoneuro "$@" --address $one:$port
