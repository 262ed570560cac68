// TLS with nats.go: each mode of the tls { } block, with certificates made for the run.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/ocsp"
)

// authority signs certificates and keeps them as files of one folder.
type authority struct {
	folder      string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serial      int64
}

// names are what a certificate says of its owner.
type names struct {
	subject pkix.Name
	emails  []string
	hosts   []string
	uris    []string
	expired bool
	// Who says whether the certificate is still good.
	responder string
}

func newAuthority(folder, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	made := &authority{folder: folder, key: key, certificate: certificate, serial: 1}
	return made, writePem(made.path(name+".pem"), "CERTIFICATE", der)
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

func writePem(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string, of names) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: of.subject, EmailAddresses: of.emails, DNSNames: of.hosts,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if of.expired {
		template.NotAfter = time.Now().Add(-time.Hour)
	}
	if of.responder != "" {
		template.OCSPServer = []string{of.responder}
	}
	for _, text := range of.uris {
		parsed, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		template.URIs = append(template.URIs, parsed)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	keyDer, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := first(writePem(a.path(name+".pem"), "CERTIFICATE", der),
		writePem(a.path(name+".key"), "PRIVATE KEY", keyDer)); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (a *authority) clientConfig(certificate string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	config := &tls.Config{RootCAs: roots}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(a.path(certificate+".pem"), a.path(certificate+".key"))
		if err != nil {
			panic(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

// block is a tls { } block with the server's certificate and `more`.
func (a *authority) block(more string) string {
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, %s }\n",
		a.path("server.pem"), a.path("server.key"), a.path("ca.pem"), more)
}

// tlsCheck gets fresh certificates.
func tlsCheck(check func(*authority) error) func() error {
	return func() error {
		folder, err := os.MkdirTemp("", "petrel-natsgo-tls-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		made, err := newAuthority(folder, "ca")
		if err != nil {
			return err
		}
		if _, err := made.issue("server", names{subject: pkix.Name{CommonName: "localhost"},
			hosts: []string{"localhost"}}); err != nil {
			return err
		}
		return check(made)
	}
}

func (a *authority) secure(certificate string) nats.Option {
	return nats.Secure(a.clientConfig(certificate))
}

// works: a client with these options can publish and receive.
func works(config string, options ...nats.Option) error {
	return with(config, publishSubscribe, options...)
}

// fails: a client with these options is not let in.
func fails(config string, options ...nats.Option) error {
	options = append(options, nats.Timeout(time.Second))
	err := with(config, func(_ *server, connection *nats.Conn) error { return errors.New("was let in") }, options...)
	if err == nil || err.Error() == "was let in" || strings.Contains(err.Error(), "does not start") {
		return fmt.Errorf("the connection should fail, not: %v", err)
	}
	return nil
}

func tlsAfterInfo(a *authority) error {
	return first(works(a.block(""), a.secure("")),
		works(a.block("min_version: \"1.3\""), a.secure("")),
		works(a.block("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"), nats.Secure(tls12(a.clientConfig("")))))
}

func tls12(config *tls.Config) *tls.Config {
	config.MaxVersion = tls.VersionTLS12
	return config
}

// Large messages cross many records and both directions.
func tlsLargeMessages(a *authority) error {
	return with(a.block(""), func(_ *server, connection *nats.Conn) error {
		subscription, err := connection.SubscribeSync("large")
		if err != nil {
			return err
		}
		for size := 1; size <= 1<<20; size = size*3 + 7 {
			sent := make([]byte, size)
			if _, err := rand.Read(sent); err != nil {
				return err
			}
			if err := connection.Publish("large", sent); err != nil {
				return err
			}
			got, err := subscription.NextMsg(wait)
			if err != nil {
				return err
			}
			if string(got.Data) != string(sent) {
				return fmt.Errorf("a message of %d bytes came back different", size)
			}
		}
		return nil
	}, a.secure(""))
}

func tlsFirst(a *authority) error {
	return first(works(a.block("handshake_first: true"), a.secure(""), nats.TLSHandshakeFirst()),
		fails(a.block("handshake_first: true"), a.secure("")))
}

func tlsFirstFallback(a *authority) error {
	return first(works(a.block("handshake_first: auto"), a.secure(""), nats.TLSHandshakeFirst()),
		works(a.block("handshake_first: auto"), a.secure("")),
		works(a.block("handshake_first: \"100ms\""), a.secure("")))
}

func tlsMixed(a *authority) error {
	mixed := a.block("") + "allow_non_tls: true\n"
	return first(works(mixed), works(mixed, a.secure("")), fails(a.block("")))
}

func tlsVerify(a *authority) error {
	stranger, err := newAuthority(a.folder, "stranger")
	if err != nil {
		return err
	}
	if _, err := stranger.issue("other", names{subject: pkix.Name{CommonName: "other"}}); err != nil {
		return err
	}
	if _, err := a.issue("client", names{subject: pkix.Name{CommonName: "client"}}); err != nil {
		return err
	}
	if _, err := a.issue("old", names{subject: pkix.Name{CommonName: "old"}, expired: true}); err != nil {
		return err
	}
	verify := a.block("verify: true")
	return first(works(verify, a.secure("client")), fails(verify, a.secure("")),
		fails(verify, a.secure("other")), fails(verify, a.secure("old")),
		fails(verify, nats.Secure(tls12(a.clientConfig("")))),
		fails(verify, nats.Secure(tls12(a.clientConfig("other")))))
}

func tlsMap(a *authority) error {
	if _, err := a.issue("client", names{
		subject: pkix.Name{CommonName: "derek", OrganizationalUnit: []string{"ops"}, Organization: []string{"acme"}},
		emails:  []string{"derek@acme.com"}, hosts: []string{"derek.acme.com"}, uris: []string{"spiffe://acme/derek"},
	}); err != nil {
		return err
	}
	for _, user := range []string{"derek@acme.com", "derek.acme.com", "spiffe://acme/derek", "CN=derek,OU=ops,O=acme",
		"O=acme, OU=ops, CN=derek"} {
		users := fmt.Sprintf("authorization { users: [{ user: %q, permissions: { publish: mine } }, { user: x }] }\n", user)
		config := users + a.block("verify_and_map: true")
		err := with(config, func(_ *server, connection *nats.Conn) error {
			connection.SetErrorHandler(nil)
			if err := first(connection.Publish("mine", nil), connection.Flush(), connection.LastError()); err != nil {
				return err
			}
			_ = connection.Publish("theirs", nil)
			_ = connection.Flush()
			if connection.LastError() == nil {
				return errors.New("the permissions of the user are not in force")
			}
			return nil
		}, a.secure("client"))
		if err != nil {
			return fmt.Errorf("user %q: %w", user, err)
		}
	}
	return fails("authorization { users: [{ user: somebody }] }\n"+a.block("verify_and_map: true"), a.secure("client"))
}

func tlsPinned(a *authority) error {
	certificate, err := a.issue("client", names{subject: pkix.Name{CommonName: "client"}})
	if err != nil {
		return err
	}
	if _, err := a.issue("other", names{subject: pkix.Name{CommonName: "other"}}); err != nil {
		return err
	}
	digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	pinned := a.block(fmt.Sprintf("verify: true, pinned_certs: [%q]", hex.EncodeToString(digest[:])))
	return first(works(pinned, a.secure("client")), fails(pinned, a.secure("other")))
}

func tlsVersionsAndSuites(a *authority) error {
	only12 := tls12(a.clientConfig(""))
	only12.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	p384 := a.clientConfig("")
	p384.CurvePreferences = []tls.CurveID{tls.CurveP384}
	return first(fails(a.block("min_version: \"1.3\""), nats.Secure(only12)),
		fails(a.block("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"), nats.Secure(only12)),
		works(a.block("curve_preferences: [CurveP384]"), nats.Secure(p384)),
		fails(a.block("curve_preferences: [CurveP256]"), nats.Secure(p384)))
}

// presented is the certificate that the server shows to a client that asks for `name`.
func presented(running *server, name string) (*x509.Certificate, error) {
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", running.port), wait)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := bufio.NewReaderSize(connection, 4096).ReadString('\n'); err != nil {
		return nil, err
	}
	secure := tls.Client(connection, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	return secure.ConnectionState().PeerCertificates[0], nil
}

func tlsSeveralCertificates(a *authority) error {
	for _, name := range []string{"one", "two"} {
		if _, err := a.issue(name, names{subject: pkix.Name{CommonName: name}, hosts: []string{name + ".example.com"}}); err != nil {
			return err
		}
	}
	pair := func(name string) string {
		return fmt.Sprintf("{ cert_file: %q, key_file: %q }", a.path(name+".pem"), a.path(name+".key"))
	}
	running, err := start("tls { certs: [" + pair("one") + ", " + pair("two") + "] }\n")
	if err != nil {
		return err
	}
	defer running.stop()
	for asked, wanted := range map[string]string{"one.example.com": "one", "two.example.com": "two",
		"three.example.com": "one", "": "one"} {
		certificate, err := presented(running, asked)
		if err != nil {
			return err
		}
		if err := expect("certificate for "+asked, certificate.Subject.CommonName, wanted); err != nil {
			return err
		}
	}
	return nil
}

// New certificates are shown after a signal, and connections that are open stay.
func tlsReload(a *authority) error {
	return with(a.block(""), func(running *server, connection *nats.Conn) error {
		before, err := presented(running, "localhost")
		if err != nil {
			return err
		}
		if _, err := a.issue("server", names{subject: pkix.Name{CommonName: "localhost"}, hosts: []string{"localhost"}}); err != nil {
			return err
		}
		if err := running.command.Process.Signal(syscall.SIGHUP); err != nil {
			return err
		}
		for deadline := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
			after, err := presented(running, "localhost")
			if err != nil {
				return err
			}
			if after.SerialNumber.Cmp(before.SerialNumber) != 0 {
				break
			}
			if time.Now().After(deadline) {
				return errors.New("still the old certificate")
			}
		}
		return publishSubscribe(running, connection)
	}, a.secure(""), nats.NoReconnect())
}

func monitorPort(running *server) (int, error) {
	deadline := time.Now().Add(wait)
	for time.Now().Before(deadline) {
		if port := running.monitor.Load(); port != 0 {
			return int(port), nil
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("no monitoring port")
}

// /varz and /connz over HTTPS, which asks for no client certificate although the server verifies.
func tlsMonitoring(a *authority) error {
	certificate, err := a.issue("client", names{subject: pkix.Name{CommonName: "client", Organization: []string{"acme"}}})
	if err != nil {
		return err
	}
	return with("https: \"127.0.0.1:-1\"\n"+a.block("verify: true"), func(running *server, connection *nats.Conn) error {
		port, err := monitorPort(running)
		if err != nil {
			return err
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: a.clientConfig("")}, Timeout: wait}
		get := func(path string, into any) error {
			answer, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d%s", port, path))
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			return first(err, json.Unmarshal(body, into))
		}
		var varz struct {
			Required bool      `json:"tls_required"`
			Verify   bool      `json:"tls_verify"`
			Timeout  float64   `json:"tls_timeout"`
			NotAfter time.Time `json:"tls_cert_not_after"`
		}
		var connz struct {
			Connections []struct {
				Version string `json:"tls_version"`
				Suite   string `json:"tls_cipher_suite"`
				First   bool   `json:"tls_first"`
				Peers   []struct {
					Subject string `json:"subject"`
					Cert    string `json:"cert_sha256"`
				} `json:"tls_peer_certs"`
			} `json:"connections"`
		}
		if err := first(get("/varz", &varz), get("/connz?auth=1", &connz)); err != nil {
			return err
		}
		if len(connz.Connections) != 1 || len(connz.Connections[0].Peers) != 1 {
			return fmt.Errorf("connz does not show the certificate: %v", connz)
		}
		one := connz.Connections[0]
		digest := sha256.Sum256(certificate.Raw)
		return first(expect("tls_required", varz.Required, true), expect("tls_verify", varz.Verify, true),
			expect("tls_timeout", varz.Timeout, 2.0),
			expect("the certificate ends soon", time.Until(varz.NotAfter) < 2*time.Hour && time.Until(varz.NotAfter) > 0, true),
			expect("version", one.Version, "1.3"), expect("suite", one.Suite, "TLS_AES_128_GCM_SHA256"),
			expect("first", one.First, false), expect("subject", one.Peers[0].Subject, certificate.Subject.String()),
			expect("digest", one.Peers[0].Cert, hex.EncodeToString(digest[:])))
	}, a.secure("client"))
}

// tlsRateLimit: handshakes beyond the limit of a second are refused in clear.
func tlsRateLimit(a *authority) error {
	running, err := start(a.block("connection_rate_limit: 3"))
	if err != nil {
		return err
	}
	defer running.stop()
	refused := 0
	for attempt := 0; attempt < 10; attempt++ {
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", running.port), wait)
		if err != nil {
			return err
		}
		_ = connection.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		text, _ := io.ReadAll(connection)
		_ = connection.Close()
		if strings.Contains(string(text), "-ERR 'Connection throttling is active. Please try again later.'\r\n") {
			refused++
		}
	}
	if refused < 4 {
		return fmt.Errorf("%d of 10 connections were refused", refused)
	}
	return nil
}

// requested is the OCSP request of a POST, or of a GET whose path ends with it.
func requested(request *http.Request) ([]byte, error) {
	if request.Method == http.MethodPost {
		return io.ReadAll(request.Body)
	}
	text, err := url.QueryUnescape(strings.TrimPrefix(request.URL.EscapedPath(), "/"))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// responder answers OCSP requests for the certificates of an authority with one status.
func (a *authority) responder(status *atomic.Int32) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		body, err := requested(request)
		if err != nil {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		asked, err := ocsp.ParseRequest(body)
		if err != nil {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		response, err := ocsp.CreateResponse(a.certificate, a.certificate, ocsp.Response{
			Status: int(status.Load()), SerialNumber: asked.SerialNumber, RevokedAt: time.Now(),
			ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		}, a.key)
		if err != nil {
			return
		}
		answer.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = answer.Write(response)
	}))
}

// staple is what the server says of its certificate in the handshake.
func (a *authority) staple(running *server) (*ocsp.Response, error) {
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", running.port), wait)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := bufio.NewReaderSize(connection, 4096).ReadString('\n'); err != nil {
		return nil, err
	}
	secure := tls.Client(connection, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	if len(secure.OCSPResponse()) == 0 {
		return nil, nil
	}
	return ocsp.ParseResponse(secure.OCSPResponse(), a.certificate)
}

// A server that must show that its certificate is good does, and does not start when it is not.
func tlsOcspStaple(a *authority) error {
	var status atomic.Int32
	status.Store(ocsp.Good)
	responder := a.responder(&status)
	defer responder.Close()
	always := fmt.Sprintf("ocsp { mode: always, url: %q }\n", responder.URL)
	for config, wanted := range map[string]bool{always: true, "ocsp: false\n": false, "": false} {
		running, err := start(config + a.block(""))
		if err != nil {
			return err
		}
		shown, err := a.staple(running)
		running.stop()
		if err != nil {
			return err
		}
		if err := expect("a staple is shown with "+config, shown != nil, wanted); err != nil {
			return err
		}
		if wanted && shown.Status != ocsp.Good {
			return fmt.Errorf("the status is %d", shown.Status)
		}
	}
	status.Store(ocsp.Revoked)
	if running, err := start(always + a.block("")); err == nil {
		running.stop()
		return errors.New("started with a revoked certificate")
	}
	return nil
}

// A client gets in while the responder that its certificate names calls it good.
func tlsOcspPeer(a *authority) error {
	var status atomic.Int32
	responder := a.responder(&status)
	defer responder.Close()
	for _, name := range []string{"known", "lost"} {
		of := names{subject: pkix.Name{CommonName: name}, responder: responder.URL}
		if name == "lost" {
			of.responder = "http://127.0.0.1:1"
		}
		if _, err := a.issue(name, of); err != nil {
			return err
		}
	}
	if _, err := a.issue("silent", names{subject: pkix.Name{CommonName: "silent"}}); err != nil {
		return err
	}
	// Without a cache, every client is asked about.
	config := func(options string) string {
		return "ocsp_cache: false\n" + a.block(fmt.Sprintf("verify: true, ocsp_peer { verify: true, %s }", options))
	}
	status.Store(ocsp.Good)
	if err := first(works(config(""), a.secure("known")), works(config(""), a.secure("silent")),
		fails(config(""), a.secure("lost")),
		works(config("allow_when_ca_unreachable: true"), a.secure("lost"))); err != nil {
		return err
	}
	status.Store(ocsp.Unknown)
	if err := first(fails(config(""), a.secure("known")),
		works(config("unknown_is_good: true"), a.secure("known"))); err != nil {
		return err
	}
	status.Store(ocsp.Revoked)
	if err := first(fails(config(""), a.secure("known")), works(config(""), a.secure("silent")),
		works(config("warn_only: true"), a.secure("known"))); err != nil {
		return err
	}
	// The cache outlives the server, and knows the revocation when nobody can be asked.
	cached := fmt.Sprintf("ocsp_cache { type: local, local_store: %q, save_interval: \"1s\" }\n", a.path("cache")) +
		a.block("verify: true, ocsp_peer: true")
	if err := fails(cached, a.secure("known")); err != nil {
		return err
	}
	responder.Close()
	return fails(cached, a.secure("known"))
}

// Issues a certificate of this name and starts a responder that says it is revoked.
func (a *authority) revoke(name string) (*httptest.Server, error) {
	var status atomic.Int32
	status.Store(ocsp.Revoked)
	responder := a.responder(&status)
	_, err := a.issue(name, names{subject: pkix.Name{CommonName: name}, responder: responder.URL})
	if err != nil {
		responder.Close()
	}
	return responder, err
}

// The system account hears which client was refused, and which certificate was to blame.
func tlsOcspEvents(a *authority) error {
	responder, err := a.revoke("known")
	if err != nil {
		return err
	}
	defer responder.Close()
	if _, err := a.issue("silent", names{subject: pkix.Name{CommonName: "silent"}}); err != nil {
		return err
	}
	config := "accounts { SYS { users: [ { user: sys, password: sys } ] }, A { users: [ { user: a, password: a } ] } }\n" +
		"system_account: SYS\nocsp_cache: false\n" + a.block("verify: true, ocsp_peer: true")
	return with(config, func(running *server, system *nats.Conn) error {
		events, err := system.SubscribeSync("$SYS.SERVER.*.OCSP.PEER.>")
		if err != nil {
			return err
		}
		if err := system.Flush(); err != nil {
			return err
		}
		if _, err := nats.Connect(running.url(), nats.UserInfo("a", "a"), a.secure("known"), nats.Timeout(time.Second)); err == nil {
			return errors.New("a revoked client was let in")
		}
		for _, kind := range []string{"ocsp_peer_link_invalid", "ocsp_peer_reject"} {
			message, err := events.NextMsg(wait)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			var event struct {
				Type   string                   `json:"type"`
				Peer   struct{ Subject string } `json:"peer"`
				Reason string                   `json:"reason"`
			}
			if err := json.Unmarshal(message.Data, &event); err != nil {
				return err
			}
			if err := first(expect("type", event.Type, "io.nats.server.advisory.v1."+kind),
				expect("subject of "+kind, event.Peer.Subject, "CN=known"),
				expect("reason of "+kind, event.Reason != "", true)); err != nil {
				return err
			}
		}
		return nil
	}, nats.UserInfo("sys", "sys"), a.secure("silent"))
}

// A reload that turns the check on refuses the next client that is revoked.
func tlsOcspReload(a *authority) error {
	responder, err := a.revoke("known")
	if err != nil {
		return err
	}
	defer responder.Close()
	config := "ocsp_cache: false\n" + a.block("verify: true")
	return with(config, func(running *server, connection *nats.Conn) error {
		changed := "ocsp_cache: false\n" + a.block("verify: true, ocsp_peer: true")
		err := os.WriteFile(filepath.Join(running.folder, "server.conf"), []byte(changed), 0o600)
		if err := first(err, running.command.Process.Signal(syscall.SIGHUP)); err != nil {
			return err
		}
		for deadline := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
			next, err := nats.Connect(running.url(), a.secure("known"), nats.Timeout(time.Second))
			if err != nil {
				break
			}
			next.Close()
			if time.Now().After(deadline) {
				return errors.New("still let in after the reload")
			}
		}
		// The server is there, and serves who was connected.
		return publishSubscribe(running, connection)
	}, a.secure("known"), nats.NoReconnect())
}

type namedCheck struct {
	name  string
	check func() error
}

var tlsChecks = []namedCheck{
	{"tls_after_info", tlsCheck(tlsAfterInfo)},
	{"tls_large_messages", tlsCheck(tlsLargeMessages)},
	{"tls_handshake_first", tlsCheck(tlsFirst)},
	{"tls_handshake_first_fallback", tlsCheck(tlsFirstFallback)},
	{"tls_mixed_port", tlsCheck(tlsMixed)},
	{"tls_verify", tlsCheck(tlsVerify)},
	{"tls_verify_and_map", tlsCheck(tlsMap)},
	{"tls_pinned_certs", tlsCheck(tlsPinned)},
	{"tls_versions_suites_curves", tlsCheck(tlsVersionsAndSuites)},
	{"tls_several_certificates", tlsCheck(tlsSeveralCertificates)},
	{"tls_reload", tlsCheck(tlsReload)},
	{"tls_monitoring", tlsCheck(tlsMonitoring)},
	{"tls_rate_limit", tlsCheck(tlsRateLimit)},
	{"tls_ocsp_staple", tlsCheck(tlsOcspStaple)},
	{"tls_ocsp_peer", tlsCheck(tlsOcspPeer)},
	{"tls_ocsp_events", tlsCheck(tlsOcspEvents)},
	{"tls_ocsp_reload", tlsCheck(tlsOcspReload)},
}
