package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// folder holds one link a pod, named NAMESPACE_POD, to the file of its network namespace.
type folder string

// The first thread stays with main: a process is taken to live where its first thread is, and this one never ends.
func init() { runtime.LockOSThread() }

// inside does something with the calling thread in the network namespace of a pod: a process started there stays in it.
func (f folder) inside(pod string, do func() error) error {
	if pod != filepath.Base(pod) || strings.HasPrefix(pod, ".") {
		return fmt.Errorf("%q is no name of a pod", pod)
	}
	namespace, err := os.Open(filepath.Join(string(f), pod))
	if err != nil {
		return fmt.Errorf("pod %s has no network namespace", pod)
	}
	defer namespace.Close()
	done := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this goroutine, so no other work finds itself in the pod.
		runtime.LockOSThread()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// endWith calls end once a pod has gone, whether or not another of its name has come; it returns when ctx ends.
func (f folder) endWith(ctx context.Context, pod string, end func()) {
	link := filepath.Join(string(f), filepath.Base(pod))
	first, err := os.Lstat(link)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var now os.FileInfo
		if now, err = os.Lstat(link); err == nil && !os.SameFile(first, now) {
			break
		}
	}
	end()
}

func (f folder) dial(ctx context.Context, pod string, port int32) (*net.TCPConn, error) {
	var connection net.Conn
	err := f.inside(pod, func() (err error) {
		connection, err = new(net.Dialer).DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	if err != nil {
		return nil, err
	}
	return connection.(*net.TCPConn), nil
}
