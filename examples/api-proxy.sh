#!/bin/sh
# Tools without an SDK ask the GitHub API through the HTTP door of a node, each with its own token:
#
#   GITHUB_TOKEN=… SWARMCACHE_KEY=… SWARMCACHE_REPOSITORY=octocat/hello sh examples/api-proxy.sh
#
# In a job, SWARMCACHE_HTTP: 8787 in the environment of the swarmcache step opens the door (workflow-api.yml).
set -eu

port=${PORT:-8787}
swarmcache=${SWARMCACHE:-npx swarmcache}

$swarmcache serve --http "$port" > node.log &
node=$!
trap 'kill "$node"; wait "$node"' EXIT
until grep -q '^ready' node.log; do sleep 0.1; done

for turn in first second; do
  echo "$turn:"
  curl --silent --show-error --fail --dump-header - --output answer.json \
    --header "Authorization: Bearer $GITHUB_TOKEN" \
    "http://127.0.0.1:$port/api/github/repos/$SWARMCACHE_REPOSITORY" |
    grep -i -E '^(HTTP|cache-status|x-ratelimit-remaining)'
done
cat answer.json
