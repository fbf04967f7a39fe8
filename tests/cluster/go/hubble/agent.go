package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/cilium/pkg/hubble/parser/fieldmask"
)

const longestLine = 1 << 20

var errBroken = errors.New("the connections were to be broken")

// agent keeps the flows of one node and gives them out.
type agent struct {
	observerpb.UnimplementedObserverServer
	node  string
	ring  *ring
	begun time.Time
	seen  atomic.Uint64

	mutex      sync.Mutex
	streams    map[int]context.CancelCauseFunc
	last       int
	namespaces map[string]*observerpb.Namespace
}

// runAgent serves until it is ended. SIGUSR1 breaks all streams, as a network that fails for a moment does.
func runAgent(arguments []string) error {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	node := flags.String("node", "", "name of the node")
	capacity := flags.Int("capacity", 4095, "flows that are kept")
	asked := flags.String("listen", "", "file of the socket on which Relay asks")
	fed := flags.String("feed", "", "file of the socket on which flows come, as JSON lines of observer.GetFlowsResponse")
	observed := flags.Bool("observed", false, "listen for observe too, in the network namespace alone")
	flags.Parse(arguments)

	made := &agent{
		node: *node, ring: newRing(*capacity), begun: time.Now(),
		streams: map[int]context.CancelCauseFunc{}, namespaces: map[string]*observerpb.Namespace{},
	}
	feed, err := listenUnix(*fed)
	if err != nil {
		return err
	}
	listener, err := listenUnix(*asked)
	if err != nil {
		return err
	}
	if *observed {
		within, err := net.Listen("unix", local)
		if err != nil {
			return err
		}
		go func() { log.Fatal(serve(within, made)) }()
	}
	go made.feedFrom(feed)
	go made.breakBySignal()
	return serve(listener, made)
}

func (a *agent) breakBySignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	for range signals {
		a.mutex.Lock()
		for _, end := range a.streams {
			end(errBroken)
		}
		a.mutex.Unlock()
	}
}

func (a *agent) feedFrom(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go a.readFeed(connection)
	}
}

func (a *agent) readFeed(connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		response := &observerpb.GetFlowsResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(lines.Bytes(), response); err != nil {
			log.Fatalf("%s: %v", lines.Bytes(), err)
		}
		a.keep(response)
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func (a *agent) keep(response *observerpb.GetFlowsResponse) {
	if lost := response.GetLostEvents(); lost != nil {
		a.ring.write(event{time: response.GetTime().AsTime(), lost: lost})
		return
	}
	flow := response.GetFlow()
	a.seen.Add(1)
	a.mutex.Lock()
	for _, end := range []*flowpb.Endpoint{flow.GetSource(), flow.GetDestination()} {
		if name := end.GetNamespace(); name != "" {
			a.namespaces[name] = &observerpb.Namespace{Namespace: name}
		}
	}
	a.mutex.Unlock()
	a.ring.write(event{time: flow.GetTime().AsTime(), flow: flow})
}

// GetFlows gives out what was kept and, with follow, what comes.
func (a *agent) GetFlows(request *observerpb.GetFlowsRequest, stream observerpb.Observer_GetFlowsServer) error {
	source, err := newReader(a.ring, request)
	if err != nil {
		return err
	}
	mask, err := fieldmask.New(request.GetFieldMask())
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	ctx, done := a.breakable(stream.Context())
	defer done()
	for {
		e, err := source.next(ctx)
		if errors.Is(context.Cause(ctx), errBroken) {
			return status.Error(codes.Unavailable, "error reading from server: connection reset by peer")
		}
		if e == nil || err != nil {
			return err
		}
		if err := stream.Send(a.response(e, mask)); err != nil {
			return err
		}
	}
}

func (a *agent) response(e *event, mask fieldmask.FieldMask) *observerpb.GetFlowsResponse {
	made := &observerpb.GetFlowsResponse{NodeName: a.node, Time: timestamppb.New(e.time)}
	if e.lost != nil {
		made.ResponseTypes = &observerpb.GetFlowsResponse_LostEvents{LostEvents: e.lost}
		return made
	}
	flow := e.flow
	if mask.Active() {
		flow = &flowpb.Flow{}
		mask.Alloc(flow.ProtoReflect())
		mask.Copy(flow.ProtoReflect(), e.flow.ProtoReflect())
		made.Time, made.NodeName = flow.GetTime(), flow.GetNodeName()
	}
	made.ResponseTypes = &observerpb.GetFlowsResponse_Flow{Flow: flow}
	return made
}

// breakable returns a context that SIGUSR1 ends.
func (a *agent) breakable(ctx context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last++
	number := a.last
	a.streams[number] = end
	return ctx, func() {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		delete(a.streams, number)
		end(nil)
	}
}

// ServerStatus says how many flows there are, and how fast they come: over the last minute, or over what is kept.
func (a *agent) ServerStatus(context.Context, *observerpb.ServerStatusRequest) (*observerpb.ServerStatusResponse, error) {
	oldest, end := a.ring.bounds()
	now := time.Now()
	begun, count := now.Add(-time.Minute), 0
	for at := end; at > oldest; at-- {
		e, behind, _ := a.ring.read(at - 1)
		if behind > 0 || e.time.Before(begun) {
			break
		}
		count++
		if at-1 == oldest && oldest > 0 {
			begun = e.time
		}
	}
	return &observerpb.ServerStatusResponse{
		Version: "cilium " + version, MaxFlows: uint64(len(a.ring.slots) - 1), NumFlows: end - oldest,
		SeenFlows: a.seen.Load(), UptimeNs: uint64(now.Sub(a.begun)),
		FlowsRate: float64(count) / max(now.Sub(begun).Seconds(), 1e-3),
	}, nil
}

// GetNamespaces names those of which flows were seen.
func (a *agent) GetNamespaces(context.Context, *observerpb.GetNamespacesRequest) (*observerpb.GetNamespacesResponse, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	response := &observerpb.GetNamespacesResponse{}
	for _, namespace := range a.namespaces {
		response.Namespaces = append(response.Namespaces, namespace)
	}
	slices.SortFunc(response.Namespaces, byNamespace)
	return response, nil
}
