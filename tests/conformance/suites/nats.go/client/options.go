package ntf

import "time"

// TLSMaterial is what a client needs to trust the server, and to be trusted by it.
type TLSMaterial struct{ CAPEM, ClientCertPEM, ClientKeyPEM string }

type tlsOptions struct {
	mutual, first bool
	names         []string
	timeout       float64
}

// TLSOpt changes what WithGeneratedTLS makes.
type TLSOpt func(*tlsOptions)

func TLSMutual() TLSOpt                 { return func(t *tlsOptions) { t.mutual = true } }
func TLSServerOnly() TLSOpt             { return func(t *tlsOptions) { t.mutual = false } }
func TLSSANs(names ...string) TLSOpt    { return func(t *tlsOptions) { t.names = names } }
func TLSHandshakeFirst() TLSOpt         { return func(t *tlsOptions) { t.first = true } }
func TLSTimeout(d time.Duration) TLSOpt { return func(t *tlsOptions) { t.timeout = d.Seconds() } }

type settings struct {
	snippets map[string]string
	tls      *tlsOptions
}

func defaults() *settings { return &settings{snippets: map[string]string{}} }

// CreateOption is an option of CreateServer and CreateCluster, UpdateOption one of UpdateServer.
type (
	CreateOption interface{ create(*settings) }
	UpdateOption interface{ update(*settings) }
)

type (
	createOnly func(*settings)
	updateOnly func(*settings)
	both       func(*settings)
)

func (f createOnly) create(s *settings) { f(s) }
func (f updateOnly) update(s *settings) { f(s) }
func (f both) create(s *settings)       { f(s) }
func (f both) update(s *settings)       { f(s) }

func snippet(key, body string) both { return func(s *settings) { s.snippets[key] = body } }

func WithAccounts(body string) both      { return snippet("accounts", body) }
func WithAuthorization(body string) both { return snippet("authorization", body) }
func WithSystemAccount(body string) both { return snippet("system_account", body) }
func WithJetStream(body string) both     { return snippet("jetstream", body) }
func WithTopLevel(body string) both      { return snippet("top", body) }
func WithWebSocket(body string) both     { return snippet("websocket", body) }
func WithLeafNode(body string) both      { return snippet("leafnode", body) }

func WithGeneratedTLS(options ...TLSOpt) createOnly {
	return func(s *settings) {
		s.tls = &tlsOptions{mutual: true, timeout: 2}
		for _, option := range options {
			option(s.tls)
		}
		if len(s.tls.names) == 0 {
			s.tls.names = []string{"localhost", "127.0.0.1", "::1"}
		}
	}
}

func WithTLSTimeout(d time.Duration) updateOnly {
	return func(s *settings) {
		if s.tls != nil {
			s.tls.timeout = d.Seconds()
		}
	}
}
