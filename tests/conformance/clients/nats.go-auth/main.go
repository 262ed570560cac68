// nkeys, JWTs and auth callout with the official Go modules against one server binary:
// main <server-binary>.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

func replace(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }

func refused(err error, what string) error {
	return expect(errors.Is(err, nats.ErrAuthorization), "%s: %v", what, err)
}

func nkeyUser() error {
	pair := must(nkeys.CreateUser())
	config := "authorization { users: [ { nkey: " + public(pair) + " } ] }\n"
	return with(config, func(s *server) error {
		connection, err := nats.Connect(s.url, nats.Nkey(public(pair), pair.Sign))
		if err != nil {
			return err
		}
		connection.Close()
		other := must(nkeys.CreateUser())
		_, err = nats.Connect(s.url, nats.Nkey(public(pair), other.Sign))
		return refused(err, "signed by another key")
	})
}

func nkeySeedFile() error {
	pair := must(nkeys.CreateUser())
	config := "authorization { users: [ { nkey: " + public(pair) + " } ] }\n"
	return with(config, func(s *server) error {
		path := filepath.Join(s.folder, "user.nk")
		if err := os.WriteFile(path, must(pair.Seed()), 0o600); err != nil {
			return err
		}
		option, err := nats.NkeyOptionFromSeed(path)
		if err != nil {
			return err
		}
		connection, err := nats.Connect(s.url, option)
		if err == nil {
			connection.Close()
		}
		return err
	})
}

func credsFile() error {
	w := newWorld()
	return with(w.config("MEMORY", w.accountToken(w.system, nil), w.accountToken(w.account, nil)), func(s *server) error {
		pair, token := user(w.account, w.account, nil)
		path, err := credentialsFile(s, pair, token)
		if err != nil {
			return err
		}
		connection, err := nats.Connect(s.url, nats.UserCredentials(path))
		if err != nil {
			return err
		}
		connection.Close()
		stranger := must(nkeys.CreateAccount())
		pair, token = user(stranger, stranger, nil)
		_, err = nats.Connect(s.url, credentials(pair, token))
		return refused(err, "a user of an unknown account")
	})
}

func bearer() error {
	w := newWorld()
	return with(w.config("MEMORY", w.accountToken(w.system, nil), w.accountToken(w.account, nil)), func(s *server) error {
		_, token := user(w.account, w.account, func(claims *jwt.UserClaims) { claims.BearerToken = true })
		bearer := nats.UserJWT(func() (string, error) { return token, nil }, func([]byte) ([]byte, error) { return nil, nil })
		connection, err := nats.Connect(s.url, bearer)
		if err == nil {
			connection.Close()
		}
		return err
	})
}

func scopedUser() error {
	w := newWorld()
	account := w.accountToken(w.account, func(claims *jwt.AccountClaims) {
		scope := jwt.NewUserScope()
		scope.Key = public(w.signer)
		scope.Template.Pub.Allow.Add("work.{{name()}}")
		claims.SigningKeys.AddScopedSigner(scope)
	})
	return with(w.config("MEMORY", w.accountToken(w.system, nil), account), func(s *server) error {
		pair, token := user(w.account, w.signer, func(claims *jwt.UserClaims) {
			claims.Name = "ann"
			claims.SetScoped(true)
		})
		violations := make(chan error, 1)
		connection, err := nats.Connect(s.url, credentials(pair, token),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
		if err != nil {
			return err
		}
		defer connection.Close()
		if err := errors.Join(connection.Publish("work.ann", nil), connection.Publish("work.bob", nil)); err != nil {
			return err
		}
		select {
		case err := <-violations:
			return expect(strings.Contains(err.Error(), "work.bob"), "a wrong violation: %v", err)
		case <-time.After(wait):
			return errors.New("no violation")
		}
	})
}

// push sends an account JWT as nsc does.
func push(connection *nats.Conn, token string) error {
	answer, err := connection.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(token), wait)
	if err != nil {
		return err
	}
	return expect(strings.Contains(string(answer.Data), `"code":200`), "push: %s", answer.Data)
}

func pushAndRevoke() error {
	w := newWorld()
	return with(w.config("{ type: full, dir: jwt }", w.accountToken(w.system, nil)), func(s *server) error {
		root, rootToken := user(w.system, w.system, nil)
		system, err := nats.Connect(s.url, credentials(root, rootToken))
		if err != nil {
			return err
		}
		defer system.Close()
		if err := push(system, w.accountToken(w.account, nil)); err != nil {
			return err
		}
		pair, token := user(w.account, w.account, nil)
		ended := make(chan error, 4)
		connection, err := nats.Connect(s.url, credentials(pair, token), nats.NoReconnect(),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { ended <- err }),
			nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { ended <- err }))
		if err != nil {
			return err
		}
		defer connection.Close()
		revoking := w.accountToken(w.account, func(claims *jwt.AccountClaims) { claims.Revoke(public(pair)) })
		if err := push(system, revoking); err != nil {
			return err
		}
		select {
		case <-ended:
		case <-time.After(wait):
			return errors.New("the revoked user stays connected")
		}
		_, err = nats.Connect(s.url, credentials(pair, token))
		return refused(err, "a revoked user")
	})
}

func urlResolver() error {
	w := newWorld()
	tokens := map[string]string{public(w.system): w.accountToken(w.system, nil), public(w.account): w.accountToken(w.account, nil)}
	var asked atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		name := strings.TrimPrefix(request.URL.Path, "/jwt/v1/accounts/")
		if token, ok := tokens[name]; ok {
			if name == public(w.account) {
				asked.Add(1)
			}
			fmt.Fprint(out, token)
		} else if name != "" {
			http.NotFound(out, request)
		}
	}))
	defer web.Close()
	return with(w.config(`URL("`+web.URL+`/jwt/v1/accounts/")`), func(s *server) error {
		pair, token := user(w.account, w.account, nil)
		for range 2 {
			connection, err := nats.Connect(s.url, credentials(pair, token))
			if err != nil {
				return err
			}
			connection.Close()
		}
		if err := expect(asked.Load() == 1, "asked %d times for one account", asked.Load()); err != nil {
			return err
		}
		stranger := must(nkeys.CreateAccount())
		pair, token = user(stranger, stranger, nil)
		_, err := nats.Connect(s.url, credentials(pair, token))
		return refused(err, "an account that the URL does not know")
	})
}

func cacheResolver() error {
	w := newWorld()
	return with(w.config("{ type: cache, dir: jwt }", w.accountToken(w.system, nil)), func(s *server) error {
		root, rootToken := user(w.system, w.system, nil)
		system, err := nats.Connect(s.url, credentials(root, rootToken))
		if err != nil {
			return err
		}
		defer system.Close()
		// Another server would answer; here a client of the system account does.
		lookup := "$SYS.REQ.ACCOUNT." + public(w.account) + ".CLAIMS.LOOKUP"
		token := w.accountToken(w.account, nil)
		if _, err := system.Subscribe(lookup, func(message *nats.Msg) { _ = message.Respond([]byte(token)) }); err != nil {
			return err
		}
		if err := system.Flush(); err != nil {
			return err
		}
		pair, userToken := user(w.account, w.account, nil)
		connection, err := nats.Connect(s.url, credentials(pair, userToken), nats.Timeout(wait))
		if err != nil {
			return err
		}
		connection.Close()
		_, err = os.Stat(filepath.Join(s.folder, "jwt", public(w.account)+".jwt"))
		return err
	})
}

func main() {
	checks := []struct {
		name string
		run  func() error
	}{
		{"an nkey signs the nonce", nkeyUser},
		{"an nkey from a seed file", nkeySeedFile},
		{"a credentials file", credsFile},
		{"a bearer token", bearer},
		{"a scoped user and its template", scopedUser},
		{"an account is pushed, a user revoked", pushAndRevoke},
		{"a URL resolver is asked once", urlResolver},
		{"a cache resolver asks other servers", cacheResolver},
		{"auth callout", func() error { return withCallout(nil, false, nil, calloutLetsInAndRefuses) }},
		{"auth callout, request encrypted", func() error {
			return withCallout(must(nkeys.CreateCurveKeys()), false, nil, calloutLetsInAndRefuses)
		}},
		{"auth callout, both ways encrypted", func() error {
			return withCallout(must(nkeys.CreateCurveKeys()), true, nil, calloutLetsInAndRefuses)
		}},
		{"auth callout without a service", calloutWithoutService},
		{"auth callout, an answer of a forger", calloutAnswerOfAForger},
		{"auth callout in operator mode, with a default sentinel", calloutOperatorMode},
		{"auth callout sees the certificates that were verified", calloutSeesCertificates},
	}
	passed, failed := 0, 0
	for _, check := range checks {
		if err := check.run(); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", check.name, err)
			continue
		}
		passed++
		fmt.Printf("ok   %s\n", check.name)
	}
	fmt.Printf("%d passed, %d failed, 0 skipped\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
