package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// test tells whether a flow has what one field of a filter asks for.
type test func(*flowpb.Flow) bool

// makers holds the fields of flow.FlowFilter that are understood, each as pkg/hubble/filters does it.
var makers = map[protoreflect.Name]func(*flowpb.FlowFilter) (test, error){
	"reply":             byReply,
	"event_type":        byEventType,
	"verdict":           byVerdict,
	"drop_reason_desc":  byDropReason,
	"tcp_flags":         byFlags,
	"protocol":          byProtocol,
	"source_port":       bySourcePort,
	"destination_port":  byDestinationPort,
	"traffic_direction": byDirection,
}

// list is what a request may hold twice: a flow is of it where one of its filters says so in all of its fields.
type list [][]test

func newList(filters []*flowpb.FlowFilter) (list, error) {
	made := list{}
	for _, filter := range filters {
		var tests []test
		var failure error
		filter.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			maker, known := makers[field.Name()]
			if !known {
				failure = fmt.Errorf("this stand-in has no filter by %s", field.Name())
				return false
			}
			var one test
			one, failure = maker(filter)
			tests = append(tests, one)
			return failure == nil
		})
		if failure != nil {
			return nil, status.Error(codes.InvalidArgument, failure.Error())
		}
		made = append(made, tests)
	}
	return made, nil
}

func (l list) has(flow *flowpb.Flow) bool {
	return slices.ContainsFunc(l, func(tests []test) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(flow) })
	})
}

// wanted says whether a request asks for a flow.
func wanted(white, black list, flow *flowpb.Flow) bool {
	return (len(white) == 0 || white.has(flow)) && !black.has(flow)
}

// byReply takes a drop whose is_reply is unknown for no reply, and no other flow (pkg/hubble/filters/reply.go).
func byReply(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool {
		if flow.GetIsReply() == nil && flow.GetVerdict() != flowpb.Verdict_DROPPED {
			return false
		}
		return slices.Contains(f.GetReply(), flow.GetIsReply().GetValue())
	}, nil
}

func byEventType(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool {
		event := flow.GetEventType()
		return event != nil && slices.ContainsFunc(f.GetEventType(), func(one *flowpb.EventTypeFilter) bool {
			return (one.GetType() == 0 || one.GetType() == event.GetType()) &&
				(!one.GetMatchSubType() || one.GetSubType() == event.GetSubType())
		})
	}, nil
}

func byVerdict(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool { return slices.Contains(f.GetVerdict(), flow.GetVerdict()) }, nil
}

func byDropReason(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool {
		return flow.GetVerdict() == flowpb.Verdict_DROPPED &&
			slices.Contains(f.GetDropReasonDesc(), flow.GetDropReasonDesc())
	}, nil
}

func byDirection(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool {
		return slices.Contains(f.GetTrafficDirection(), flow.GetTrafficDirection())
	}, nil
}

// byFlags asks for all flags that a filter has set; the packet may have more (pkg/hubble/filters/tcp.go).
func byFlags(f *flowpb.FlowFilter) (test, error) {
	return func(flow *flowpb.Flow) bool {
		has := flow.GetL4().GetTCP().GetFlags()
		return has != nil && slices.ContainsFunc(f.GetTcpFlags(), func(asked *flowpb.TCPFlags) bool {
			all := true
			asked.ProtoReflect().Range(func(flag protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
				all = has.ProtoReflect().Get(flag).Bool()
				return all
			})
			return all
		})
	}, nil
}

// layers names the arms of flow.Layer4 by the words of the protocol filter.
var layers = map[string][]protoreflect.Name{
	"tcp": {"TCP"}, "udp": {"UDP"}, "sctp": {"SCTP"}, "vrrp": {"VRRP"}, "igmp": {"IGMP"},
	"icmp": {"ICMPv4", "ICMPv6"}, "icmpv4": {"ICMPv4"}, "icmpv6": {"ICMPv6"},
}

func byProtocol(f *flowpb.FlowFilter) (test, error) {
	var arms []protoreflect.Name
	for _, word := range f.GetProtocol() {
		known, ok := layers[strings.ToLower(word)]
		if !ok {
			return nil, fmt.Errorf("invalid protocol filter: unknown protocol: %q", word)
		}
		arms = append(arms, known...)
	}
	return func(flow *flowpb.Flow) bool {
		return slices.ContainsFunc(arms, func(arm protoreflect.Name) bool { return arm == layerOf(flow) })
	}, nil
}

// layerOf returns the name of the arm that a flow's layer 4 is.
func layerOf(flow *flowpb.Flow) protoreflect.Name {
	layer := flow.GetL4().ProtoReflect()
	if field := layer.WhichOneof(layer.Descriptor().Oneofs().ByName("protocol")); field != nil {
		return field.Name()
	}
	return ""
}

func bySourcePort(f *flowpb.FlowFilter) (test, error) {
	return byPort(f.GetSourcePort(), "source_port")
}

func byDestinationPort(f *flowpb.FlowFilter) (test, error) {
	return byPort(f.GetDestinationPort(), "destination_port")
}

func byPort(texts []string, name protoreflect.Name) (test, error) {
	var ports []uint64
	for _, text := range texts {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("invalid port %q: %w", text, err)
		}
		ports = append(ports, port)
	}
	return func(flow *flowpb.Flow) bool {
		arm := layerOf(flow)
		if !slices.Contains([]protoreflect.Name{"TCP", "UDP", "SCTP"}, arm) {
			return false
		}
		layer := flow.GetL4().ProtoReflect()
		ends := layer.Get(layer.Descriptor().Fields().ByName(arm)).Message()
		return slices.Contains(ports, ends.Get(ends.Descriptor().Fields().ByName(name)).Uint())
	}, nil
}
