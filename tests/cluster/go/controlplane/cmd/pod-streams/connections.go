package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
)

// watched is a connection that says when its other end has gone. A server of HTTP does not, once a handler has taken it over.
type watched struct {
	net.Conn
	gone context.CancelFunc
}

func (w *watched) Read(into []byte) (int, error) {
	read, err := w.Conn.Read(into)
	// The server breaks its own reading off by a deadline when it hands a connection over.
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.gone()
	}
	return read, err
}

// Close is what follows when the other end has said, within TLS, that it goes.
func (w *watched) Close() error {
	w.gone()
	return w.Conn.Close()
}

// watching accepts connections that are watched.
type watching struct{ net.Listener }

func (l watching) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watched{Conn: accepted}, nil
}

// untilGone returns the context of a connection's requests, which ends when the other end has gone.
func untilGone(ctx context.Context, connection net.Conn) context.Context {
	ctx, gone := context.WithCancel(ctx)
	connection.(*tls.Conn).NetConn().(*watched).gone = gone
	return ctx
}
