package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func public(pair nkeys.KeyPair) string { return must(pair.PublicKey()) }

// world is an operator with a system account and an account.
type world struct {
	operator, system, account, signer nkeys.KeyPair
}

func newWorld() *world {
	return &world{must(nkeys.CreateOperator()), must(nkeys.CreateAccount()), must(nkeys.CreateAccount()),
		must(nkeys.CreateAccount())}
}

func (w *world) operatorToken() string {
	claims := jwt.NewOperatorClaims(public(w.operator))
	claims.SystemAccount = public(w.system)
	return must(claims.Encode(w.operator))
}

func (w *world) accountToken(account nkeys.KeyPair, change func(*jwt.AccountClaims)) string {
	claims := jwt.NewAccountClaims(public(account))
	if change != nil {
		change(claims)
	}
	return must(claims.Encode(w.operator))
}

func (w *world) config(resolver string, tokens ...string) string {
	preload := ""
	for _, token := range tokens {
		claims := must(jwt.DecodeAccountClaims(token))
		preload += fmt.Sprintf("  %s: %s\n", claims.Subject, token)
	}
	if preload != "" {
		preload = "resolver_preload {\n" + preload + "}\n"
	}
	return fmt.Sprintf("operator: %s\nresolver: %s\n%s", w.operatorToken(), resolver, preload)
}

// user makes a user of an account; the signer may be one of its signing keys.
func user(account, signer nkeys.KeyPair, change func(*jwt.UserClaims)) (nkeys.KeyPair, string) {
	pair := must(nkeys.CreateUser())
	claims := jwt.NewUserClaims(public(pair))
	if public(account) != public(signer) {
		claims.IssuerAccount = public(account)
	}
	if change != nil {
		change(claims)
	}
	return pair, must(claims.Encode(signer))
}

func credentials(pair nkeys.KeyPair, token string) nats.Option {
	return nats.UserJWT(func() (string, error) { return token, nil },
		func(nonce []byte) ([]byte, error) { return pair.Sign(nonce) })
}

func credentialsFile(s *server, pair nkeys.KeyPair, token string) (string, error) {
	content, err := jwt.FormatUserConfig(token, must(pair.Seed()))
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.folder, "user.creds")
	return path, os.WriteFile(path, content, 0o600)
}
