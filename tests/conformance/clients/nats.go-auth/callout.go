package main

import (
	"errors"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// service is an auth callout service.
type service struct {
	issuer   nkeys.KeyPair
	curve    nkeys.KeyPair // nil: nothing is encrypted
	answers  func(*jwt.AuthorizationRequestClaims) (user string, refusal string)
	sealBack bool
}

func (c *service) serve(connection *nats.Conn) error {
	_, err := connection.Subscribe("$SYS.REQ.USER.AUTH", func(message *nats.Msg) {
		body := message.Data
		server := message.Header.Get("Nats-Server-Xkey")
		if c.curve != nil {
			opened, err := c.curve.Open(body, server)
			if err != nil {
				return
			}
			body = opened
		}
		request, err := jwt.DecodeAuthorizationRequestClaims(string(body))
		if err != nil {
			return
		}
		response := jwt.NewAuthorizationResponseClaims(request.UserNkey)
		response.Audience = request.Server.ID
		response.Jwt, response.Error = c.answers(request)
		answer := []byte(must(response.Encode(c.issuer)))
		if c.curve != nil && c.sealBack {
			answer = must(c.curve.Seal(answer, server))
		}
		_ = message.Respond(answer)
	})
	if err != nil {
		return err
	}
	return connection.Flush()
}

const calloutConfig = `
accounts {
  AUTH: { users: [ { user: auth, password: auth } ] }
  APP: { users: [ { user: local, password: local } ] }
}
authorization {
  timeout: 1
  auth_callout { issuer: %ISSUER%, account: AUTH, auth_users: [ auth ] %XKEY% }
}
`

func calloutConfigFor(issuer nkeys.KeyPair, curve nkeys.KeyPair) string {
	xkey := ""
	if curve != nil {
		xkey = ", xkey: " + public(curve)
	}
	return replace(calloutConfig, "%ISSUER%", public(issuer), "%XKEY%", xkey)
}

// A user of APP, for whoever says the right password.
func byPassword(issuer nkeys.KeyPair, change func(*jwt.UserClaims)) func(*jwt.AuthorizationRequestClaims) (string, string) {
	return func(request *jwt.AuthorizationRequestClaims) (string, string) {
		if request.ConnectOptions.Password != "secret" {
			return "", "wrong password"
		}
		claims := jwt.NewUserClaims(request.UserNkey)
		claims.Audience = "APP"
		claims.Name = request.ConnectOptions.Username
		claims.Pub.Allow.Add("ok.>")
		claims.Sub.Allow.Add("ok.>", "_INBOX.>")
		if change != nil {
			change(claims)
		}
		return must(claims.Encode(issuer)), ""
	}
}

func withCallout(curve nkeys.KeyPair, sealBack bool, change func(*jwt.UserClaims), check func(*server) error) error {
	issuer := must(nkeys.CreateAccount())
	return with(calloutConfigFor(issuer, curve), func(s *server) error {
		auth, err := nats.Connect(s.url, nats.UserInfo("auth", "auth"))
		if err != nil {
			return err
		}
		defer auth.Close()
		if err := (&service{issuer, curve, byPassword(issuer, change), sealBack}).serve(auth); err != nil {
			return err
		}
		return check(s)
	})
}

func calloutLetsInAndRefuses(s *server) error {
	app, err := nats.Connect(s.url, nats.UserInfo("ann", "secret"))
	if err != nil {
		return err
	}
	defer app.Close()
	if _, err := nats.Connect(s.url, nats.UserInfo("ann", "wrong")); !errors.Is(err, nats.ErrAuthorization) {
		return expect(false, "a wrong password: %v", err)
	}
	received, err := app.SubscribeSync("ok.x")
	if err != nil {
		return err
	}
	if err := app.Publish("ok.x", []byte("hi")); err != nil {
		return err
	}
	if _, err := received.NextMsg(wait); err != nil {
		return err
	}
	violation := make(chan error, 1)
	app.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violation <- err })
	_ = app.Publish("no", nil)
	select {
	case err := <-violation:
		return expect(errors.Is(err, nats.ErrPermissionViolation), "not a violation: %v", err)
	case <-time.After(wait):
		return errors.New("no violation")
	}
}

func calloutWithoutService() error {
	return with(calloutConfigFor(must(nkeys.CreateAccount()), nil), func(s *server) error {
		_, err := nats.Connect(s.url, nats.UserInfo("ann", "secret"), nats.Timeout(wait))
		return expect(errors.Is(err, nats.ErrAuthorization), "without a service: %v", err)
	})
}

func calloutAnswerOfAForger() error {
	issuer, forger := must(nkeys.CreateAccount()), must(nkeys.CreateAccount())
	return with(calloutConfigFor(issuer, nil), func(s *server) error {
		auth, err := nats.Connect(s.url, nats.UserInfo("auth", "auth"))
		if err != nil {
			return err
		}
		defer auth.Close()
		if err := (&service{issuer: forger, answers: byPassword(forger, nil)}).serve(auth); err != nil {
			return err
		}
		_, err = nats.Connect(s.url, nats.UserInfo("ann", "secret"), nats.Timeout(wait))
		return expect(errors.Is(err, nats.ErrAuthorization), "a forged answer: %v", err)
	})
}

func calloutOperatorMode() error {
	w := newWorld()
	target := must(nkeys.CreateAccount())
	curve := must(nkeys.CreateCurveKeys())
	authUser, authToken := user(w.account, w.account, nil)
	callout := w.accountToken(w.account, func(claims *jwt.AccountClaims) {
		claims.Authorization.AuthUsers.Add(public(authUser))
		claims.Authorization.AllowedAccounts.Add(public(target))
		claims.Authorization.XKey = public(curve)
	})
	config := w.config("MEMORY", w.accountToken(w.system, nil), callout, w.accountToken(target, nil))
	_, sentinel := user(w.account, w.account, func(claims *jwt.UserClaims) { claims.BearerToken = true })
	config += "default_sentinel: " + sentinel + "\n"
	return with(config, func(s *server) error {
		auth, err := nats.Connect(s.url, credentials(authUser, authToken))
		if err != nil {
			return err
		}
		defer auth.Close()
		answers := func(request *jwt.AuthorizationRequestClaims) (string, string) {
			if request.ConnectOptions.Password != "secret" {
				return "", "wrong password"
			}
			claims := jwt.NewUserClaims(request.UserNkey)
			return must(claims.Encode(target)), ""
		}
		if err := (&service{w.account, curve, answers, true}).serve(auth); err != nil {
			return err
		}
		// Without a JWT: the default sentinel's account decides.
		app, err := nats.Connect(s.url, nats.UserInfo("ann", "secret"))
		if err != nil {
			return err
		}
		defer app.Close()
		_, err = nats.Connect(s.url, nats.UserInfo("ann", "wrong"))
		return expect(errors.Is(err, nats.ErrAuthorization), "a wrong password: %v", err)
	})
}
