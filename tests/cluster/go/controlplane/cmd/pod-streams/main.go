// Command pod-streams stands in for the part of a kubelet that the API server asks for exec and port-forward. A pod is a
// network namespace here: a command runs inside it, and a forwarded port is dialled inside it. It believes only the client
// certificate of the API server.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	idle     = 4 * time.Hour
	creation = 30 * time.Second
)

// pods runs commands and dials ports inside the network namespaces that a folder names as NAMESPACE_POD.
type pods struct{ folder folder }

func (p pods) PortForward(ctx context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	connection, err := p.folder.dial(ctx, pod, port)
	if err != nil {
		return err
	}
	defer connection.Close()
	sent := make(chan error, 1)
	go func() {
		_, failure := io.Copy(connection, stream)
		sent <- errors.Join(failure, connection.CloseWrite())
	}()
	_, err = io.Copy(stream, connection)
	stream.Close()
	return errors.Join(err, <-sent)
}

func (p pods) serveExec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, p, name(r), "", r.PathValue("container"), r.URL.Query()["command"], options,
		idle, creation, remotecommand.SupportedStreamingProtocols)
}

func (p pods) servePortForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, p, name(r), "", options, idle, creation, portforward.SupportedProtocols)
}

func name(r *http.Request) string { return r.PathValue("namespace") + "_" + r.PathValue("pod") }

func main() {
	listen := flag.String("listen", "", "address and port to listen on")
	authority := flag.String("client-ca", "", "file with the authority that the API server's client certificate is from")
	certificate := flag.String("cert", "", "file with this server's certificate")
	key := flag.String("key", "", "file with its key")
	namespaces := flag.String("namespaces", "", "folder of links NAMESPACE_POD to network namespaces")
	flag.Parse()

	pem, err := os.ReadFile(*authority)
	if err != nil {
		log.Fatal(err)
	}
	believed := x509.NewCertPool()
	if !believed.AppendCertsFromPEM(pem) {
		log.Fatalf("%s holds no certificate", *authority)
	}
	served := pods{folder(*namespaces)}
	routes := http.NewServeMux()
	for _, method := range []string{"GET", "POST"} {
		routes.HandleFunc(method+" /exec/{namespace}/{pod}/{container}", served.serveExec)
		routes.HandleFunc(method+" /portForward/{namespace}/{pod}", served.servePortForward)
	}
	plain, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Handler:     routes,
		ConnContext: untilGone,
		TLSConfig: &tls.Config{
			ClientCAs:  believed,
			ClientAuth: tls.RequireAndVerifyClientCert,
			MinVersion: tls.VersionTLS12,
			// SPDY takes over a connection of HTTP/1.1 alone.
			NextProtos: []string{"http/1.1"},
		},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	log.Fatal(server.ServeTLS(watching{plain}, *certificate, *key))
}
