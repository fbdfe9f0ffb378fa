#!/bin/sh
# Writes go.mod and go.sum anew: change the versions below, run this here, build, and run the tests.
#
# Kubernetes' own go.mod leaves its parts (k8s.io/api, k8s.io/client-go ...) at v0.0.0, since it builds them from its
# own tree; each is published as v0.X.Y for Kubernetes v1.X.Y, so we name that version for every one of them.
# CoreDNS and Helm must be releases that use the same minor version of client-go, so that it is compiled once.
set -eu
kubernetes=1.34.4 # the last minor version whose kubelet still runs on cgroup v1 by default
coredns=1.13.2
helm=3.19.5

cd "$(dirname "$0")"
parts=$(mktemp)
trap 'rm -f "$parts"' EXIT
theirs=$(cd / && GOFLAGS=-mod=mod go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
sed -n 's/^[[:space:]]*\(k8s\.io\/[a-z-]*\) v0\.0\.0$/\1/p' "$theirs" | sort -u > "$parts"
{
    echo "module hubfleet-sandbox/kube"
    echo
    grep '^go ' "$theirs"
    echo
    echo "require k8s.io/kubernetes v$kubernetes"
    echo
    echo "replace ("
    while read -r part; do printf '\t%s => %s v0.%s\n' "$part" "$part" "${kubernetes#1.}"; done < "$parts"
    echo ")"
} > go.mod
rm -f go.sum
go get "github.com/coredns/coredns@v$coredns"
go get -tool "helm.sh/helm/v3/cmd/helm@v$helm" "k8s.io/kubernetes/cmd/kubectl@v$kubernetes"
go mod tidy
