package ntf

import (
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Process is one server, started from the nats-server in PATH.
type Process struct {
	Port   int
	config string
	log    string
	cmd    *exec.Cmd
	ended  chan struct{}
}

// errUnsupported is a start that the server refuses because it does not have the feature.
type errUnsupported struct{ text string }

func (e errUnsupported) Error() string { return e.text }

var unsupported = regexp.MustCompile(`(?m)^.*(not supported|no support).*$`)

// freePort looks below the range that the system gives to connections, so that a stopped server gets its port again.
func freePort() int {
	for {
		port := 20000 + rand.Intn(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
}

func (p *Process) output() string {
	content, _ := os.ReadFile(p.log)
	return string(content)
}

func (p *Process) Start() error {
	p.cmd = exec.Command("nats-server", "-c", p.config)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func() { p.cmd.Wait(); close(p.ended) }()
	return p.waitReady()
}

func (p *Process) waitReady() error {
	seen := strings.Count(p.output(), "Server is ready")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			if line := unsupported.FindString(p.output()); line != "" {
				return errUnsupported{strings.TrimSpace(line)}
			}
			return errors.New("the server ended: " + p.output())
		default:
		}
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port)); err == nil {
			conn.Close()
			return nil
		}
	}
	return fmt.Errorf("not ready (%d): %s", seen, p.output())
}

func (p *Process) Running() bool {
	if p.ended == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *Process) Stop() {
	if !p.Running() {
		return
	}
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// Reload waits for what the server says about it.
func (p *Process) Reload() error {
	before := len(p.output())
	p.cmd.Process.Signal(syscall.SIGHUP)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		said := p.output()[before:]
		if strings.Contains(said, "Reloaded server configuration") {
			return nil
		}
		if strings.Contains(said, "Failed to reload") {
			break
		}
	}
	return errors.New("not reloaded: " + p.output()[before:])
}

// StartPlain starts a server with nothing but a port.
func StartPlain() (*Process, error) {
	folder, err := os.MkdirTemp("", "suite-nats.go-")
	if err != nil {
		return nil, err
	}
	p := &Process{Port: freePort(), config: filepath.Join(folder, "server.conf"), log: filepath.Join(folder, "log")}
	if err := os.WriteFile(p.config, []byte(fmt.Sprintf("listen: 127.0.0.1:%d\n", p.Port)), 0o600); err != nil {
		return nil, err
	}
	return p, p.Start()
}
