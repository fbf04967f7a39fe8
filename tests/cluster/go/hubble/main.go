// Command hubble-server stands in for Hubble: "agent" for the part of Cilium's agent that keeps a node's flows and gives them
// out, "relay" for Hubble Relay, which asks all agents and is what clients talk to, "observe" for the command of that name. Messages, methods and the queue that
// Relay sorts with are Cilium's own; what could not be had as a Go module (Cilium's own servers import a dependency that is
// not served) is written after pkg/hubble/observer, pkg/hubble/container and pkg/hubble/relay/observer of Cilium v1.20.2.
package main

import (
	"log"
	"net"
	"os"

	"google.golang.org/grpc"

	observerpb "github.com/cilium/cilium/api/v1/observer"
)

const version = "v1.20.2 (stand-in of tests)"

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "agent":
			log.Fatal(runAgent(os.Args[2:]))
		case "relay":
			log.Fatal(runRelay(os.Args[2:]))
		case "observe":
			if err := runObserve(os.Args[2:]); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	log.Fatal("what to run is said first: agent, relay or observe")
}

// serve answers on a listener. Like Cilium's, the server has no policy of its own for keepalive: who pings more often than
// every five minutes without being sent anything is sent away by grpc-go.
func serve(listener net.Listener, observer observerpb.ObserverServer, options ...grpc.ServerOption) error {
	server := grpc.NewServer(options...)
	observerpb.RegisterObserverServer(server, observer)
	return server.Serve(listener)
}

// listenUnix listens on a socket in the file system, in place of one that a killed process has left.
func listenUnix(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return net.Listen("unix", path)
}
