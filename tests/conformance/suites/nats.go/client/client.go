// Package ntf takes the place of the package by which the tests of nats.go ask for servers: each is a process
// of the nats-server in PATH. What the server refuses as unsupported skips the test.
package ntf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/nats-io/nats.go"
)

type Client struct{}

// ManagedServer is one server of an instance.
type ManagedServer struct {
	Name, Cluster, URL string
	Port               int
	Ports              map[string]int
	process            *Process
	folder             string
	routes             []int
}

// Instance is one server or one cluster.
type Instance struct {
	ID        string
	Servers   []*ManagedServer
	TLS       *TLSMaterial
	settings  *settings
	jetstream bool
}

var instances atomic.Int64

func New(testing.TB, string, ...nats.Option) *Client { return &Client{} }

func (c *Client) Close(testing.TB) {}

func (c *Client) WaitForJetStream(t testing.TB, nc *nats.Conn) {
	t.Helper()
	js, err := nc.JetStream(nats.MaxWait(time.Second))
	for deadline := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(deadline); {
		if _, err = js.AccountInfo(); err == nil || !errors.Is(err, nats.ErrTimeout) {
			return
		}
	}
	t.Fatalf("no JetStream: %v", err)
}

func (c *Client) CreateServer(t testing.TB, js bool, options ...CreateOption) *Instance {
	t.Helper()
	return create(t, 1, js, options)
}

func (c *Client) CreateCluster(t testing.TB, servers int, js bool, options ...CreateOption) *Instance {
	t.Helper()
	return create(t, servers, js, options)
}

func create(t testing.TB, servers int, js bool, options []CreateOption) *Instance {
	t.Helper()
	inst := &Instance{ID: fmt.Sprintf("i%d", instances.Add(1)), settings: defaults(), jetstream: js}
	for _, option := range options {
		option.create(inst.settings)
	}
	folder := t.TempDir()
	if inst.settings.tls != nil {
		var err error
		if inst.TLS, err = writeTLS(folder, inst.settings.tls); err != nil {
			t.Fatal(err)
		}
	}
	var routes []int
	for i := 0; i < servers && servers > 1; i++ {
		routes = append(routes, freePort())
	}
	for i := 0; i < servers; i++ {
		inst.Servers = append(inst.Servers, inst.newServer(folder, i, routes))
	}
	for _, s := range inst.Servers {
		inst.write(t, s)
		if err := s.process.Start(); err != nil {
			inst.Destroy(t)
			if _, ok := err.(errUnsupported); ok {
				t.Skip(err)
			}
			t.Fatal(err)
		}
	}
	return inst
}

func (i *Instance) newServer(folder string, index int, routes []int) *ManagedServer {
	s := &ManagedServer{Name: fmt.Sprintf("%s-n%d", i.ID, index), Port: freePort(), folder: folder,
		Ports: map[string]int{"websocket": freePort(), "leafnode": freePort()}, routes: routes}
	if len(routes) > 0 {
		s.Cluster, s.Ports["cluster"] = i.ID, routes[index]
	}
	s.URL = fmt.Sprintf("nats://localhost:%d", s.Port)
	s.process = &Process{Port: s.Port, config: filepath.Join(folder, s.Name+".conf"), log: filepath.Join(folder, s.Name+".log")}
	return s
}

const main = `listen: "127.0.0.1:{{.Port}}"
client_advertise: "localhost:{{.Port}}"
{{.Top}}
server_name: "{{.Name}}"
{{if .JetStream}}jetstream { enabled: true, store_dir: "{{.StoreDir}}"
{{.Extra}}
}{{end}}
{{with .TLS}}tls { cert_file: "{{.CertFile}}", key_file: "{{.KeyFile}}", ca_file: "{{.CAFile}}"
verify: {{.Mutual}}, timeout: {{.Timeout}}, handshake_first: {{.First}} }{{end}}
{{if .ClusterName}}cluster { name: "{{.ClusterName}}", listen: "127.0.0.1:{{.Ports.cluster}}", routes: [{{range .Routes}}"nats://127.0.0.1:{{.}}", {{end}}] }{{end}}
{{.Rest}}
`

func accounts(js bool) string {
	text := "accounts {\n"
	for n := 1; n <= 5; n++ {
		text += fmt.Sprintf("USERS%d { users: [{user: user%d, password: password}]", n, n)
		if js {
			text += ", jetstream: enabled"
		}
		text += " }\n"
	}
	return text + "$SYS { users: [{user: system, password: password}] }\n}"
}

func (i *Instance) write(t testing.TB, s *ManagedServer) {
	t.Helper()
	type files struct {
		CertFile, KeyFile, CAFile string
		Mutual, First             bool
		Timeout                   float64
	}
	values := struct {
		Name, ClusterName, StoreDir, Top, Extra, Rest string
		Port                                          int
		JetStream                                     bool
		Ports                                         map[string]int
		Routes                                        []int
		TLS                                           *files
	}{Name: s.Name, ClusterName: s.Cluster, StoreDir: filepath.Join(s.folder, s.Name), Port: s.Port,
		JetStream: i.jetstream, Ports: s.Ports, Routes: s.routes}
	if o := i.settings.tls; o != nil {
		values.TLS = &files{filepath.Join(s.folder, "cert.pem"), filepath.Join(s.folder, "key.pem"),
			filepath.Join(s.folder, "ca.pem"), o.mutual, o.first, o.timeout}
	}
	render := func(text string) string {
		parsed, err := template.New("").Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := parsed.Execute(&out, values); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	part := func(key, otherwise string) string {
		if body, ok := i.settings.snippets[key]; ok {
			return render(body)
		}
		return otherwise
	}
	values.Top, values.Extra = part("top", ""), part("jetstream", "")
	values.Rest = strings.Join([]string{part("accounts", accounts(i.jetstream)),
		part("system_account", `system_account: "$SYS"`), part("authorization", "no_auth_user: user1"),
		part("websocket", ""), part("leafnode", "")}, "\n")
	if err := os.WriteFile(s.process.config, []byte(render(main)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (i *Instance) Destroy(testing.TB) {
	for _, s := range i.Servers {
		s.process.Stop()
	}
}

func (i *Instance) StopServer(t testing.TB, s *ManagedServer) { s.process.Stop() }

func (i *Instance) StartServer(t testing.TB, s *ManagedServer) {
	t.Helper()
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
}

func (i *Instance) UpdateServer(t testing.TB, s *ManagedServer, options ...UpdateOption) {
	t.Helper()
	i.settings.snippets = map[string]string{}
	for _, option := range options {
		option.update(i.settings)
	}
	i.write(t, s)
}

func (i *Instance) ReloadServer(t testing.TB, s *ManagedServer) {
	t.Helper()
	if err := s.process.Reload(); err != nil {
		t.Fatal(err)
	}
}
