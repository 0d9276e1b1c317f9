#!/usr/bin/env bash
# A run on the nodes of a SLURM cluster: `sbatch experiments/cluster/slurm.sh cartpole-hard --seed 1`.
# What stands behind the script goes to `evoneuro run`; `resume RUN` instead goes on with a run:
# `sbatch experiments/cluster/slurm.sh resume results/cartpole-hard-...-seed1`.
#SBATCH --job-name=evoneuro
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@120
# (SIGTERM two minutes before the time is up: the run saves and stops, and `resume` goes on)
set -euo pipefail

# evoneuro and ray must be found on every node: activate an environment on a shared file system here, or submit from one
port=${EVONEURO_PORT:-6379}
cpus=${SLURM_CPUS_PER_TASK:-1}

# only processes that know the token may talk to this Ray
RAY_AUTH_TOKEN_PATH=$(mktemp "${EVONEURO_SHARED:-$HOME}/.evoneuro-token-XXXXXX")
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH RAY_USAGE_STATS_ENABLED=0
chmod 600 "$RAY_AUTH_TOKEN_PATH"
python3 -c "import secrets; print(secrets.token_hex(32), end='')" > "$RAY_AUTH_TOKEN_PATH"

started=()
stop() {
    trap - EXIT
    for process in "${started[@]}"; do kill "$process" 2> /dev/null || true; done
    wait
    rm -f "$RAY_AUTH_TOKEN_PATH"
}
trap stop EXIT

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}

# the head leaves one processor to the run itself, which keeps the population
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    ray start --head --block --port="$port" --num-cpus=$((cpus > 1 ? cpus - 1 : 1)) --include-dashboard=false > /dev/null &
started+=($!)
until (exec 3<> "/dev/tcp/$head/$port") 2> /dev/null; do
    kill -0 "${started[0]}" || { echo "Ray did not start on $head" >&2; exit 1; }
    sleep 1
done
for node in "${nodes[@]:1}"; do
    srun --nodes=1 --ntasks=1 --nodelist="$node" --overlap \
        ray start --block --address="$head:$port" --num-cpus="$cpus" > /dev/null &
    started+=($!)
done

# workers that are late join while the run goes on
command=run
if [ "${1:-}" = resume ]; then command=resume; shift; fi
evoneuro "$command" "$@" --address "$head:$port" --quiet &
run=$!
trap 'kill -TERM $run 2> /dev/null' TERM INT
status=0
wait "$run" || status=$?
if [ "$status" -gt 128 ]; then wait "$run" || status=$?; fi  # a signal woke this script; now the run has ended, too
exit "$status"
