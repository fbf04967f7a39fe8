package main

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
	"github.com/cilium/cilium/pkg/hubble/relay/queue"
)

// What Cilium's Relay has where nothing else is configured (pkg/hubble/relay/defaults).
const (
	sorted     = 100
	drainAfter = time.Second
	lookAgain  = 2 * time.Second
	errorsWait = 10 * time.Second
)

// collector asks every node once, and again where it has failed: then by the same request, so what was given out since its
// "since" comes a second time. Read in pkg/hubble/relay/observer/observer.go.
type collector struct {
	relay   *relay
	request *observerpb.GetFlowsRequest
	into    chan *observerpb.GetFlowsResponse
	running sync.WaitGroup

	mutex sync.Mutex
	asked map[string]bool
}

func (c *collector) collect(ctx context.Context) (connected, away []string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, one := range c.relay.peers {
		if c.asked[one.name] {
			connected = append(connected, one.name)
			continue
		}
		if !one.there() {
			away = append(away, one.name)
			continue
		}
		connected = append(connected, one.name)
		c.asked[one.name] = true
		c.running.Go(func() { c.ask(ctx, one) })
	}
	return connected, away
}

func (c *collector) ask(ctx context.Context, one *peer) {
	err := retrieve(ctx, one, c.request, c.into)
	if err == nil {
		return
	}
	c.mutex.Lock()
	delete(c.asked, one.name)
	c.mutex.Unlock()
	message := err.Error()
	if told, ok := status.FromError(err); ok && told.Message() != "" {
		message = told.Message()
	}
	select {
	case c.into <- c.relay.status(relaypb.NodeState_NODE_ERROR, message, one.name):
	case <-ctx.Done():
	}
}

// GetFlows gives out what all nodes have, first of all which nodes those are; roughly in order.
func (r *relay) GetFlows(request *observerpb.GetFlowsRequest, stream observerpb.Observer_GetFlowsServer) error {
	ctx, end := context.WithCancel(stream.Context())
	defer end()
	length := sorted
	if least := request.GetNumber() * uint64(len(r.peers)); least > 0 && least < uint64(length) {
		length = int(least)
	}
	all := &collector{
		relay: r, request: request, into: make(chan *observerpb.GetFlowsResponse, length), asked: map[string]bool{},
	}
	connected, away := all.collect(ctx)
	if request.GetFollow() {
		all.running.Go(func() { all.again(ctx) })
	}
	go func() {
		all.running.Wait()
		close(all.into)
	}()
	ordered := make(chan *observerpb.GetFlowsResponse, length)
	go sortInto(ctx, ordered, gather(ctx, all.into), length)
	for state, nodes := range map[relaypb.NodeState][]string{
		relaypb.NodeState_NODE_CONNECTED: connected, relaypb.NodeState_NODE_UNAVAILABLE: away,
	} {
		if len(nodes) > 0 {
			if err := stream.Send(r.status(state, "", nodes...)); err != nil {
				return err
			}
		}
	}
	for response := range ordered {
		r.say(response.GetFlow())
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *collector) again(ctx context.Context) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.collect(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// gather puts errors of the same words, of whatever nodes, together into one event.
func gather(ctx context.Context, from <-chan *observerpb.GetFlowsResponse) <-chan *observerpb.GetFlowsResponse {
	into := make(chan *observerpb.GetFlowsResponse, cap(from))
	go func() {
		defer close(into)
		var pending *observerpb.GetFlowsResponse
		var due <-chan time.Time
		flush := func() {
			if pending != nil {
				send(ctx, into, pending)
			}
			pending, due = nil, nil
		}
		for {
			select {
			case response, more := <-from:
				told := response.GetNodeStatus()
				switch {
				case !more:
					flush()
					return
				case told.GetStateChange() != relaypb.NodeState_NODE_ERROR:
					send(ctx, into, response)
				case pending != nil && pending.GetNodeStatus().GetMessage() == told.GetMessage():
					kept := pending.GetNodeStatus()
					kept.NodeNames = append(kept.NodeNames, told.GetNodeNames()...)
				default:
					flush()
					pending, due = response, time.After(errorsWait)
				}
			case <-due:
				flush()
			case <-ctx.Done():
				return
			}
		}
	}()
	return into
}

// sortInto holds responses back for a moment, so that they come out in order; Cilium's own queue does it.
func sortInto(ctx context.Context, into chan<- *observerpb.GetFlowsResponse, from <-chan *observerpb.GetFlowsResponse, length int) {
	defer close(into)
	held := queue.NewPriorityQueue(length)
	for {
		select {
		case response, more := <-from:
			if !more {
				for next := held.Pop(); next != nil; next = held.Pop() {
					send(ctx, into, next)
				}
				return
			}
			if held.Len() == length {
				send(ctx, into, held.Pop())
			}
			held.Push(response)
		case now := <-time.After(drainAfter):
			for _, old := range held.PopOlderThan(now.Add(-drainAfter)) {
				send(ctx, into, old)
			}
		case <-ctx.Done():
			return
		}
	}
}

func send(ctx context.Context, into chan<- *observerpb.GetFlowsResponse, response *observerpb.GetFlowsResponse) {
	select {
	case into <- response:
	case <-ctx.Done():
	}
}
