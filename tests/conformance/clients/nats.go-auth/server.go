package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const wait = 10 * time.Second

var listening = regexp.MustCompile(`Listening for client connections on .*:(\d+)`)

// server is one process of the binary under test, in a folder of its own.
type server struct {
	command *exec.Cmd
	folder  string
	url     string
}

func start(config string) (*server, error) {
	folder, err := os.MkdirTemp("", "petrel-auth-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "server.conf")
	if err := os.WriteFile(path, []byte("max_control_line: 65536\n"+config), 0o600); err != nil {
		return nil, err
	}
	command := exec.Command(os.Args[1], "-a", "127.0.0.1", "-p", "-1", "-c", path)
	command.Dir = folder
	log, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	started := &server{command: command, folder: folder}
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				started.url = "nats://127.0.0.1:" + found[1]
			}
			if strings.HasSuffix(lines.Text(), "Server is ready") {
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
		return started, nil
	case <-time.After(wait):
		started.stop()
		return nil, errors.New("the server does not start")
	}
}

func (s *server) stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	os.RemoveAll(s.folder)
}

func with(config string, check func(*server) error) error {
	running, err := start(config)
	if err != nil {
		return err
	}
	defer running.stop()
	return check(running)
}

func expect(condition bool, format string, values ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf(format, values...)
}
