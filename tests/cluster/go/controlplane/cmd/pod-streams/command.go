package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// ExecInContainer runs a command in the network namespace of a pod, and returns once it has ended. The command is killed,
// and what it started in its process group with it, when its client or its pod goes; the command alone, when this process ends.
func (p pods) ExecInContainer(ctx context.Context, pod, _, _ string, cmd []string, in io.Reader, out, err io.WriteCloser, tty bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if len(cmd) == 0 {
		return errors.New("no command")
	}
	// The context of a request ends with the connection of its client.
	ctx, end := context.WithCancel(ctx)
	defer end()
	go p.folder.endWith(ctx, pod, end)
	run := exec.CommandContext(ctx, cmd[0], cmd[1:]...)
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	run.Stdin, run.Stdout, run.Stderr = in, out, err
	if tty {
		run.Stderr = out
	}
	// Waited for in there too: Pdeathsig is sent when the thread ends that has started the command.
	failure := p.folder.inside(pod, run.Run)
	var exit *exec.ExitError
	if errors.As(failure, &exit) {
		return utilexec.CodeExitError{Err: failure, Code: code(exit.Sys().(syscall.WaitStatus))}
	}
	return failure
}

// code returns the exit code that a shell would give.
func code(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
