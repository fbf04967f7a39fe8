package main

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
)

// reader gives out of a ring what a request asks for, as pkg/hubble/observer/local_observer.go does.
type reader struct {
	ring         *ring
	request      *observerpb.GetFlowsRequest
	white, black list
	at           uint64
	given        uint64
}

func newReader(ring *ring, request *observerpb.GetFlowsRequest) (*reader, error) {
	if request.GetFirst() && request.GetFollow() {
		return nil, status.Error(codes.InvalidArgument, "first cannot be specified with follow")
	}
	for _, moment := range []*timestamppb.Timestamp{request.GetSince(), request.GetUntil()} {
		if moment != nil && moment.CheckValid() != nil {
			return nil, status.Error(codes.InvalidArgument, moment.CheckValid().Error())
		}
	}
	white, err := newList(request.GetWhitelist())
	if err != nil {
		return nil, err
	}
	black, err := newList(request.GetBlacklist())
	if err != nil {
		return nil, err
	}
	made := &reader{ring: ring, request: request, white: white, black: black}
	made.at = made.start()
	return made, nil
}

// start returns where to begin: since wins over number and first; follow with neither begins now. Without any, a reader goes
// back to the oldest.
func (r *reader) start() uint64 {
	oldest, end := r.ring.bounds()
	since, number := r.request.GetSince(), r.request.GetNumber()
	if r.request.GetFirst() && since == nil {
		return oldest
	}
	if r.request.GetFollow() && number == 0 && since == nil {
		return end
	}
	var counted uint64
	for at := end; at > oldest; at-- {
		e, behind, _ := r.ring.read(at - 1)
		if behind > 0 {
			return at
		}
		if e.flow == nil || !wanted(r.white, r.black, e.flow) {
			continue
		}
		counted++
		if since != nil && e.time.Before(since.AsTime()) {
			return at
		}
		if since == nil && counted == number {
			return at - 1
		}
	}
	return oldest
}

// next returns the next event that was asked for; nil at the end.
func (r *reader) next(ctx context.Context) (*event, error) {
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !r.request.GetFollow() && r.request.GetNumber() > 0 && r.given >= r.request.GetNumber() {
			return nil, nil
		}
		e, behind, ahead := r.ring.read(r.at)
		switch {
		case behind > 0:
			r.at += behind
			return &event{time: time.Now(), lost: overwritten(behind)}, nil
		case ahead != nil && !r.request.GetFollow():
			return nil, nil
		case ahead != nil:
			select {
			case <-ahead:
			case <-ctx.Done():
			}
			continue
		}
		r.at++
		if e.lost != nil { // never filtered, neither by what is asked for nor by time
			return &e, nil
		}
		if until := r.request.GetUntil(); until != nil && e.time.After(until.AsTime()) {
			return nil, nil
		}
		if since := r.request.GetSince(); since != nil && e.time.Before(since.AsTime()) {
			continue
		}
		if wanted(r.white, r.black, e.flow) {
			r.given++
			return &e, nil
		}
	}
}

func overwritten(count uint64) *flowpb.LostEvent {
	return &flowpb.LostEvent{Source: flowpb.LostEventSource_HUBBLE_RING_BUFFER, NumEventsLost: count}
}
