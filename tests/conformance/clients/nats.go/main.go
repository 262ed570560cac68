// The idioms of nats.go against one server binary: main <server-binary>.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

const wait = 10 * time.Second

var listening = regexp.MustCompile(`Listening for client connections on .*:(\d+)`)
var monitoring = regexp.MustCompile(`Starting https? monitor on .*:(\d+)`)

// server is one process of the binary under test.
type server struct {
	command *exec.Cmd
	folder  string
	port    int
	monitor atomic.Int32
}

func start(config string, arguments ...string) (*server, error) {
	folder, err := os.MkdirTemp("", "petrel-natsgo-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "server.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	if len(arguments) == 0 {
		arguments = []string{"-p", "-1"}
	}
	if config != "" {
		arguments = append(arguments, "-c", path)
	}
	command := exec.Command(os.Args[1], append([]string{"-a", "127.0.0.1"}, arguments...)...)
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
		for lines.Scan() {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				started.port, _ = strconv.Atoi(found[1])
			}
			if found := monitoring.FindStringSubmatch(lines.Text()); found != nil {
				port, _ := strconv.Atoi(found[1])
				started.monitor.Store(int32(port))
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

func (s *server) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

func (s *server) stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	os.RemoveAll(s.folder)
}

// with runs a check on a fresh server and one connection.
func with(config string, check func(*server, *nats.Conn) error, options ...nats.Option) error {
	running, err := start(config)
	if err != nil {
		return err
	}
	defer running.stop()
	connection, err := nats.Connect(running.url(), options...)
	if err != nil {
		return err
	}
	defer connection.Close()
	return check(running, connection)
}

func plain(check func(*server, *nats.Conn) error, options ...nats.Option) func() error {
	return func() error { return with("", check, options...) }
}

func expect(what string, got, wanted any) error {
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		return fmt.Errorf("%s is %v, not %v", what, got, wanted)
	}
	return nil
}

func first(failures ...error) error {
	for _, failure := range failures {
		if failure != nil {
			return failure
		}
	}
	return nil
}

func connectOptions(running *server, connection *nats.Conn) error {
	return first(
		expect("max payload", connection.MaxPayload(), 1<<20),
		expect("headers", connection.HeadersSupported(), true),
		expect("server id length", len(connection.ConnectedServerId()), 56),
		expect("url", connection.ConnectedUrl(), running.url()),
		expect("auth required", connection.AuthRequired(), false))
}

func noEcho(running *server, connection *nats.Conn) error {
	mine, err := connection.SubscribeSync("echo")
	if err != nil {
		return err
	}
	if err := first(connection.Publish("echo", []byte("x")), connection.Flush()); err != nil {
		return err
	}
	if message, err := mine.NextMsg(50 * time.Millisecond); err == nil {
		return fmt.Errorf("got an own message: %v", message)
	}
	return nil
}

func publishSubscribe(running *server, connection *nats.Conn) error {
	exact, err := connection.SubscribeSync("a.b")
	if err != nil {
		return err
	}
	star, _ := connection.SubscribeSync("a.*")
	all, _ := connection.SubscribeSync("a.>")
	for number := 0; number < 1000; number++ {
		if err := connection.Publish("a.b", []byte(strconv.Itoa(number))); err != nil {
			return err
		}
	}
	for _, subscription := range []*nats.Subscription{exact, star, all} {
		for number := 0; number < 1000; number++ {
			message, err := subscription.NextMsg(wait)
			if err != nil {
				return err
			}
			if err := expect("message", string(message.Data), number); err != nil {
				return err
			}
		}
	}
	return nil
}

func headers(running *server, connection *nats.Conn) error {
	subscription, err := connection.SubscribeSync("headers")
	if err != nil {
		return err
	}
	message := nats.NewMsg("headers")
	message.Header.Add("Key", "one")
	message.Header.Add("Key", "two")
	message.Header.Set("Other", "a: b")
	message.Data = []byte("body")
	if err := connection.PublishMsg(message); err != nil {
		return err
	}
	got, err := subscription.NextMsg(wait)
	if err != nil {
		return err
	}
	return first(expect("Key", got.Header.Values("Key"), []string{"one", "two"}),
		expect("Other", got.Header.Get("Other"), "a: b"), expect("body", string(got.Data), "body"))
}

func answer(connection *nats.Conn) error {
	_, err := connection.Subscribe("service", func(message *nats.Msg) {
		_ = message.Respond(append([]byte("re: "), message.Data...))
	})
	return first(err, connection.Flush())
}

func requestReply(running *server, connection *nats.Conn) error {
	if err := answer(connection); err != nil {
		return err
	}
	for number := 0; number < 100; number++ {
		reply, err := connection.Request("service", []byte(strconv.Itoa(number)), wait)
		if err != nil {
			return err
		}
		if err := expect("reply", string(reply.Data), fmt.Sprintf("re: %d", number)); err != nil {
			return err
		}
	}
	return nil
}

func noResponders(running *server, connection *nats.Conn) error {
	begin := time.Now()
	_, err := connection.Request("nobody", nil, wait)
	if time.Since(begin) > wait/2 {
		return errors.New("waited for nobody")
	}
	return expect("error", err, nats.ErrNoResponders)
}

func queueGroups(running *server, connection *nats.Conn) error {
	var counts [3]atomic.Int32
	for member := range counts {
		other, err := nats.Connect(running.url())
		if err != nil {
			return err
		}
		defer other.Close()
		_, err = other.QueueSubscribe("work", "workers", func(*nats.Msg) { counts[member].Add(1) })
		if err := first(err, other.Flush()); err != nil {
			return err
		}
	}
	for number := 0; number < 300; number++ {
		if err := connection.Publish("work", nil); err != nil {
			return err
		}
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	total := func() int32 { return counts[0].Load() + counts[1].Load() + counts[2].Load() }
	if err := eventually(func() bool { return total() >= 300 }); err != nil {
		return err
	}
	for member := range counts {
		if counts[member].Load() == 0 {
			return fmt.Errorf("member %d got nothing", member)
		}
	}
	return expect("messages", total(), 300)
}

func eventually(condition func() bool) error {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if condition() {
			return nil
		}
	}
	return errors.New("did not happen in time")
}

func drain(running *server, connection *nats.Conn) error {
	var handled atomic.Int32
	_, err := connection.Subscribe("drain", func(*nats.Msg) {
		time.Sleep(100 * time.Microsecond)
		handled.Add(1)
	})
	if err != nil {
		return err
	}
	for number := 0; number < 500; number++ {
		_ = connection.Publish("drain", nil)
	}
	if err := first(connection.Flush(), connection.Drain()); err != nil {
		return err
	}
	if err := eventually(connection.IsClosed); err != nil {
		return err
	}
	return expect("handled", handled.Load(), 500)
}

func flush(running *server, connection *nats.Conn) error {
	rtt, err := connection.RTT()
	if err != nil || rtt <= 0 {
		return fmt.Errorf("round trip %v, %v", rtt, err)
	}
	return connection.FlushTimeout(wait)
}

func autoUnsubscribe(running *server, connection *nats.Conn) error {
	subscription, err := connection.SubscribeSync("auto")
	if err != nil {
		return err
	}
	if err := subscription.AutoUnsubscribe(2); err != nil {
		return err
	}
	for number := 0; number < 5; number++ {
		_ = connection.Publish("auto", nil)
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	for number := 0; number < 2; number++ {
		if _, err := subscription.NextMsg(wait); err != nil {
			return err
		}
	}
	_, err = subscription.NextMsg(50 * time.Millisecond)
	return expect("third", err, nats.ErrMaxMessages)
}

func reconnect() error {
	running, err := start("")
	if err != nil {
		return err
	}
	again := make(chan bool, 1)
	connection, err := nats.Connect(running.url(), nats.ReconnectWait(20*time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectHandler(func(*nats.Conn) { again <- true }))
	if err != nil {
		return err
	}
	defer connection.Close()
	subscription, err := connection.SubscribeSync("foo")
	if err := first(err, connection.Flush()); err != nil {
		return err
	}
	running.stop()
	running, err = start("", "-p", strconv.Itoa(running.port))
	if err != nil {
		return err
	}
	defer running.stop()
	select {
	case <-again:
	case <-time.After(wait):
		return errors.New("did not reconnect")
	}
	if err := connection.Publish("foo", []byte("after")); err != nil {
		return err
	}
	message, err := subscription.NextMsg(wait)
	if err != nil {
		return err
	}
	return expect("message", string(message.Data), "after")
}

func maxPayload() error {
	return with("max_payload: 1000", func(running *server, connection *nats.Conn) error {
		return first(
			expect("limit", connection.MaxPayload(), 1000),
			expect("error", connection.Publish("foo", make([]byte, 1001)), nats.ErrMaxPayload),
			connection.Publish("foo", make([]byte, 1000)), connection.Flush())
	})
}

func permissions() error {
	violations := make(chan error, 10)
	config := `authorization { users: [ { user: a, password: b,
	  permissions: { publish: "ok.>", subscribe: { allow: ["ok.>", "_INBOX.>"], deny: "ok.secret" } } } ] }`
	return with(config, func(running *server, connection *nats.Conn) error {
		if err := first(connection.Publish("forbidden", nil), connection.Flush()); err != nil {
			return err
		}
		_, err := connection.SubscribeSync("ok.secret")
		if err := first(err, connection.Flush()); err != nil {
			return err
		}
		for _, wanted := range []string{`Publish to "forbidden"`, `Subscription to "ok.secret"`} {
			select {
			case violation := <-violations:
				if !errors.Is(violation, nats.ErrPermissionViolation) || !strings.Contains(violation.Error(), wanted) {
					return fmt.Errorf("%v does not say %s", violation, wanted)
				}
			case <-time.After(wait):
				return errors.New("no violation")
			}
		}
		allowed, err := connection.SubscribeSync("ok.>")
		if err := first(err, connection.Publish("ok.x", nil)); err != nil {
			return err
		}
		_, err = allowed.NextMsg(wait)
		return err
	}, nats.UserInfo("a", "b"), nats.ErrorHandler(
		func(_ *nats.Conn, _ *nats.Subscription, failure error) { violations <- failure }))
}

func lameDuck() error {
	noticed := make(chan bool, 1)
	return with("", func(running *server, connection *nats.Conn) error {
		if err := running.command.Process.Signal(syscall.SIGUSR2); err != nil {
			return err
		}
		select {
		case <-noticed:
			return nil
		case <-time.After(wait):
			return errors.New("no notice")
		}
	}, nats.LameDuckModeHandler(func(*nats.Conn) { noticed <- true }))
}

func refused(config string, good nats.Option, bad ...nats.Option) func() error {
	return func() error {
		return with(config, func(running *server, connection *nats.Conn) error {
			if err := connection.Flush(); err != nil {
				return err
			}
			for _, option := range bad {
				_, err := nats.Connect(running.url(), option)
				if !errors.Is(err, nats.ErrAuthorization) {
					return fmt.Errorf("a wrong one: %v", err)
				}
			}
			return nil
		}, good)
	}
}

func main() {
	bcrypt := `"$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"`
	checks := []namedCheck{
		{"connect_options", plain(connectOptions, nats.Name("petrel"), nats.PingInterval(time.Minute))},
		{"verbose_and_pedantic", plain(publishSubscribe, func(o *nats.Options) error {
			o.Verbose, o.Pedantic = true, true
			return nil
		})},
		{"no_echo", plain(noEcho, nats.NoEcho())},
		{"publish_subscribe", plain(publishSubscribe)},
		{"headers", plain(headers)},
		{"request_reply", plain(requestReply)},
		{"request_reply_old_style", plain(requestReply, nats.UseOldRequestStyle())},
		{"no_responders", plain(noResponders)},
		{"queue_groups", plain(queueGroups)},
		{"drain", plain(drain)},
		{"flush", plain(flush)},
		{"auto_unsubscribe", plain(autoUnsubscribe)},
		{"reconnect_after_restart", reconnect},
		{"max_payload_error", maxPayload},
		{"permission_errors", permissions},
		{"lame_duck_notice", lameDuck},
		{"token", refused(`authorization { token: secret }`, nats.Token("secret"), nats.Token("wrong"))},
		{"user_and_password", refused(`authorization { user: a, password: b }`, nats.UserInfo("a", "b"),
			nats.UserInfo("a", "c"), nats.UserInfo("x", "b"))},
		{"bcrypt_password", refused(`authorization { user: a, password: `+bcrypt+` }`, nats.UserInfo("a", "secret"),
			nats.UserInfo("a", "wrong"))},
	}
	checks = append(append(checks, tlsChecks...), jetstreamChecks...)
	passed, failed := 0, 0
	for _, one := range checks {
		if err := one.check(); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", one.name, err)
			continue
		}
		passed++
		fmt.Printf("ok   %s\n", one.name)
	}
	fmt.Printf("%d passed, %d failed, 0 skipped\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
