// A CSI driver for the test cluster: volumes are image files on a reflink filesystem, snapshots are reflink copies.
// One instance serves the controller, one more runs in each node's mount namespace; they share the pool.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	pluginregistration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

func main() {
	name := flag.String("name", "", "driver name")
	poolDir := flag.String("pool", "", "folder on a filesystem with reflinks")
	socket := flag.String("socket", "", "CSI socket to serve")
	controller := flag.Bool("controller", false, "serve the controller service")
	nodeID := flag.String("node-id", "", "serve the node service under this name")
	attach := flag.Bool("attach", false, "volumes are attached to a node before they are staged")
	registration := flag.String("registration", "", "kubelet plugin registration socket to serve")
	flag.Parse()
	if *name == "" || *poolDir == "" || *socket == "" {
		log.Fatal("--name, --pool and --socket are required")
	}

	pool, err := openPool(*poolDir)
	if err != nil {
		log.Fatal(err)
	}
	driver := grpc.NewServer(grpc.ChainUnaryInterceptor(logCall, oneCallAtATime(pool)))
	csi.RegisterIdentityServer(driver, &identityServer{name: *name})
	if *controller {
		csi.RegisterControllerServer(driver, &controllerServer{pool: pool, attach: *attach})
	}
	if *nodeID != "" {
		if err := pool.addNode(*nodeID); err != nil {
			log.Fatal(err)
		}
		csi.RegisterNodeServer(driver, &nodeServer{pool: pool, id: *nodeID, attach: *attach})
	}
	serve(driver, *socket)

	registrar := grpc.NewServer()
	if *registration != "" {
		pluginregistration.RegisterRegistrationServer(registrar, &registrationServer{name: *name, socket: *socket})
		serve(registrar, *registration) // last: kubelet calls the CSI socket as soon as it sees this one
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	registrar.GracefulStop()
	driver.GracefulStop()
}
