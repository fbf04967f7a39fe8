package main

import (
	"sync"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// event is a flow or a loss, as a ring keeps it.
type event struct {
	time time.Time
	flow *flowpb.Flow
	lost *flowpb.LostEvent
}

// ring keeps the last events of a node. As in Cilium's, positions count up for ever, and the event that was written last is
// not readable before the next one is there (pkg/hubble/container/ring.go: it may still be being written).
type ring struct {
	mutex   sync.Mutex
	slots   []event
	written uint64
	grown   chan struct{}
}

func newRing(capacity int) *ring {
	return &ring{slots: make([]event, capacity+1), grown: make(chan struct{})}
}

func (r *ring) write(e event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.slots[r.written%uint64(len(r.slots))] = e
	r.written++
	close(r.grown)
	r.grown = make(chan struct{})
}

// bounds returns the oldest position that can be read, and the first that cannot yet.
func (r *ring) bounds() (uint64, uint64) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.limits()
}

func (r *ring) limits() (uint64, uint64) {
	if r.written == 0 {
		return 0, 0
	}
	oldest := uint64(0)
	if r.written > uint64(len(r.slots)) {
		oldest = r.written - uint64(len(r.slots))
	}
	return oldest, r.written - 1
}

// read returns the event at a position; behind is how many were overwritten before they could be read, counted from that
// position, and ahead is closed with the next event where there is none yet.
func (r *ring) read(at uint64) (e event, behind uint64, ahead <-chan struct{}) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	oldest, end := r.limits()
	switch {
	case at < oldest:
		return event{}, oldest - at, nil
	case at >= end:
		return event{}, 0, r.grown
	}
	return r.slots[at%uint64(len(r.slots))], 0, nil
}
