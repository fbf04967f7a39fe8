package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	observerpb "github.com/cilium/cilium/api/v1/observer"
)

// local is the socket of an agent in the network namespace of its node, as /var/run/cilium/hubble.sock is in its files.
const local = "@netsec-hubble"

// runObserve does what "hubble observe" does in an agent's container, as far as flags are known here; without --last, --since
// and --follow it gives the last 20 flows.
func runObserve(arguments []string) error {
	flags := flag.NewFlagSet("observe", flag.ExitOnError)
	output := flags.String("output", "compact", "json")
	flags.StringVar(output, "o", "compact", "json")
	follow := flags.Bool("follow", false, "go on")
	last := flags.Uint64("last", 0, "how many flows of those that are kept")
	since := flags.String("since", "", "of when on, by RFC 3339")
	flags.Parse(arguments)
	if *output != "json" {
		return fmt.Errorf("output %q is not known here, only json is", *output)
	}
	request := &observerpb.GetFlowsRequest{Number: *last, Follow: *follow}
	if *since != "" {
		begin, err := time.Parse(time.RFC3339, *since)
		if err != nil {
			return err
		}
		request.Since = timestamppb.New(begin)
	}
	if *last == 0 && *since == "" && !*follow {
		request.Number = 20
	}
	return observe(request)
}

func observe(request *observerpb.GetFlowsRequest) error {
	connection, err := grpc.NewClient("unix-abstract:"+local[1:], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	stream, err := observerpb.NewObserverClient(connection).GetFlows(context.Background(), request)
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(response)
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
			return err
		}
	}
}
