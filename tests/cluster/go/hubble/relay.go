package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
)

const askTimeout = 5 * time.Second

// peer is a node whose agent is asked.
type peer struct {
	name, address string
	connection    *grpc.ClientConn
	client        observerpb.ObserverClient
}

// there says whether a peer is connected, or may be soon, and has it connected where it is idle.
func (p *peer) there() bool {
	p.connection.Connect()
	state := p.connection.GetState()
	return state != connectivity.TransientFailure && state != connectivity.Shutdown
}

// relay asks the agents of all nodes and gives their answers out as one.
type relay struct {
	observerpb.UnimplementedObserverServer
	node  string
	peers []*peer
	says  bool
}

func runRelay(arguments []string) error {
	flags := flag.NewFlagSet("relay", flag.ExitOnError)
	listen := flags.String("listen", "", "address and port to listen on")
	node := flags.String("node", "hubble-relay", "what Relay calls itself")
	peers := flags.String("peers", "", "the agents, as NODE=SOCKET,...")
	certificate := flags.String("cert", "", "file with this server's certificate; none: no TLS")
	key := flags.String("key", "", "file with its key")
	authority := flags.String("client-ca", "", "file with the authority that clients' certificates have to be from; none: any client")
	says := flags.Bool("say", false, "log when which flow is given out: epoch seconds, destination port")
	flags.Parse(arguments)

	made := &relay{node: *node, says: *says}
	for name, path := range pairs(*peers) {
		connection, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second,
			}}))
		if err != nil {
			return err
		}
		made.peers = append(made.peers, &peer{name, path, connection, observerpb.NewObserverClient(connection)})
	}
	slices.SortFunc(made.peers, func(a, b *peer) int { return cmp.Compare(a.name, b.name) })
	var options []grpc.ServerOption
	if *certificate != "" {
		config, err := tlsConfig(*certificate, *key, *authority)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	return serve(listener, made, options...)
}

func pairs(text string) map[string]string {
	found := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if name, path, ok := strings.Cut(pair, "="); ok {
			found[name] = path
		}
	}
	return found
}

func tlsConfig(certificate, key, authority string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	// The least that Cilium's Relay takes (pkg/hubble/relay/server/option.go).
	config := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", authority)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// status returns an event about nodes.
func (r *relay) status(state relaypb.NodeState, message string, nodes ...string) *observerpb.GetFlowsResponse {
	told := &relaypb.NodeStatusEvent{StateChange: state, NodeNames: nodes, Message: message}
	return &observerpb.GetFlowsResponse{
		NodeName: r.node, Time: timestamppb.Now(),
		ResponseTypes: &observerpb.GetFlowsResponse_NodeStatus{NodeStatus: told},
	}
}

// GetNodes tells each node's state, and what its agent says of itself.
func (r *relay) GetNodes(ctx context.Context, _ *observerpb.GetNodesRequest) (*observerpb.GetNodesResponse, error) {
	response := &observerpb.GetNodesResponse{}
	for asked, told := range r.statuses(ctx) {
		node := &observerpb.Node{Name: asked.name, Address: asked.address, Tls: &observerpb.TLS{}}
		switch {
		case !asked.there():
			node.State = relaypb.NodeState_NODE_UNAVAILABLE
		case told == nil:
			node.State = relaypb.NodeState_NODE_ERROR
		default:
			node.State, node.Version, node.UptimeNs = relaypb.NodeState_NODE_CONNECTED, told.Version, told.UptimeNs
			node.MaxFlows, node.NumFlows, node.SeenFlows = told.MaxFlows, told.NumFlows, told.SeenFlows
		}
		response.Nodes = append(response.Nodes, node)
	}
	slices.SortFunc(response.Nodes, func(a, b *observerpb.Node) int { return cmp.Compare(a.Name, b.Name) })
	return response, nil
}

// ServerStatus adds up what the agents say.
func (r *relay) ServerStatus(ctx context.Context, _ *observerpb.ServerStatusRequest) (*observerpb.ServerStatusResponse, error) {
	sum := &observerpb.ServerStatusResponse{Version: "hubble-relay " + version}
	for asked, told := range r.statuses(ctx) {
		if told == nil {
			sum.UnavailableNodes = append(sum.UnavailableNodes, asked.name)
			continue
		}
		sum.MaxFlows += told.MaxFlows
		sum.NumFlows += told.NumFlows
		sum.SeenFlows += told.SeenFlows
		sum.FlowsRate += told.FlowsRate
		sum.UptimeNs = max(sum.UptimeNs, told.UptimeNs)
	}
	slices.Sort(sum.UnavailableNodes)
	away := len(sum.UnavailableNodes)
	sum.NumConnectedNodes = wrapperspb.UInt32(uint32(len(r.peers) - away))
	sum.NumUnavailableNodes = wrapperspb.UInt32(uint32(away))
	return sum, nil
}

// GetNamespaces names those that the agents name.
func (r *relay) GetNamespaces(ctx context.Context, request *observerpb.GetNamespacesRequest) (*observerpb.GetNamespacesResponse, error) {
	found := &observerpb.GetNamespacesResponse{}
	for _, asked := range r.peers {
		if told, err := asked.client.GetNamespaces(ctx, request); err == nil {
			found.Namespaces = append(found.Namespaces, told.Namespaces...)
		}
	}
	slices.SortFunc(found.Namespaces, byNamespace)
	found.Namespaces = slices.CompactFunc(found.Namespaces, func(a, b *observerpb.Namespace) bool {
		return byNamespace(a, b) == 0
	})
	return found, nil
}

func byNamespace(a, b *observerpb.Namespace) int { return cmp.Compare(a.Namespace, b.Namespace) }

// statuses asks all agents at once; who does not answer has nil.
func (r *relay) statuses(ctx context.Context) map[*peer]*observerpb.ServerStatusResponse {
	ctx, end := context.WithTimeout(ctx, askTimeout)
	defer end()
	var mutex sync.Mutex
	var asking sync.WaitGroup
	told := map[*peer]*observerpb.ServerStatusResponse{}
	for _, asked := range r.peers {
		asking.Go(func() {
			answer, _ := asked.client.ServerStatus(ctx, &observerpb.ServerStatusRequest{})
			mutex.Lock()
			defer mutex.Unlock()
			told[asked] = answer
		})
	}
	asking.Wait()
	return told
}

// say logs that a flow is given out.
func (r *relay) say(flow *flowpb.Flow) {
	if r.says && flow != nil {
		port := flow.GetL4().GetTCP().GetDestinationPort() + flow.GetL4().GetUDP().GetDestinationPort()
		log.Printf("gave %.6f %d", float64(time.Now().UnixMicro())/1e6, port)
	}
}

// retrieve passes on what an agent answers until it ends.
func retrieve(ctx context.Context, asked *peer, request *observerpb.GetFlowsRequest, into chan<- *observerpb.GetFlowsResponse) error {
	stream, err := asked.client.GetFlows(ctx, request)
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		select {
		case into <- response:
		case <-ctx.Done():
			return nil
		}
	}
}
