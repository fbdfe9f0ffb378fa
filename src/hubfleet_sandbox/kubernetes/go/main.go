// Every long-running Kubernetes component of the sandbox in one program, so that what they share (client-go, the API
// types) is compiled, stored and held in memory once. The first argument, or the name it is called by, chooses.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	_ "unsafe" // for go:linkname

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	build "k8s.io/component-base/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// CoreDNS takes the order of its plugins from here; a plugin that is not named cannot be configured.
var plugins = []string{"bind", "errors", "cache", "hosts", "kubernetes", "forward"}

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-proxy":              proxy.NewProxyCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

// What a component says that it is, as a build writes it down.
//
//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

// pose makes this program an older minor of itself, as far as it has the features of that minor switched on and off
// (KEP-4330), and has it say so. Servers must be told by --emulated-version too, which APIs depend on.
func pose(wanted string) error {
	older, err := version.ParseSemantic(wanted)
	if err != nil {
		return err
	}
	gitVersion = wanted
	if err := build.SetDynamicVersion(wanted); err != nil {
		return err
	}
	return feature.DefaultMutableFeatureGate.SetEmulationVersion(version.MajorMinor(older.Major(), older.Minor()))
}

func main() {
	if wanted := os.Getenv("HUBFLEET_SANDBOX_KUBERNETES"); wanted != "" {
		if err := pose(wanted); err != nil {
			fmt.Fprintf(os.Stderr, "HUBFLEET_SANDBOX_KUBERNETES: %s\n", err)
			os.Exit(2)
		}
	}
	name := filepath.Base(os.Args[0])
	if !known(name) && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	switch {
	case name == "etcd":
		etcdmain.Main(os.Args)
	case name == "coredns":
		dnsserver.Directives = plugins
		coremain.Run()
	case components[name] != nil:
		os.Exit(cli.Run(components[name]()))
	default:
		fmt.Fprintf(os.Stderr, "%s: no such component\n", name)
		os.Exit(2)
	}
}

func known(name string) bool {
	return name == "etcd" || name == "coredns" || components[name] != nil
}
