package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// authority signs certificates and writes them as NAME.pem and NAME.key into a folder.
type authority struct {
	folder      string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

func (a *authority) issue(name string) error {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: a.certificate == nil,
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))
	if a.certificate == nil {
		a.certificate, a.key = must(x509.ParseCertificate(der)), key
	}
	keyDer := must(x509.MarshalPKCS8PrivateKey(key))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return errors.Join(os.WriteFile(a.path(name+".pem"), certificate, 0o600),
		os.WriteFile(a.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDer}), 0o600))
}

func (a *authority) secure(name string) nats.Option {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	pair := must(tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+".key")))
	return nats.Secure(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}})
}

// commonNameOf is the name in the certificate that the request says was verified.
func commonNameOf(request *jwt.AuthorizationRequestClaims, ca *x509.Certificate) (string, error) {
	if request.TLS == nil || len(request.TLS.VerifiedChains) != 1 || len(request.TLS.VerifiedChains[0]) != 2 {
		return "", fmt.Errorf("client_tls is %+v", request.TLS)
	}
	if !strings.HasPrefix(request.TLS.Version, "1.") || !strings.HasPrefix(request.TLS.Cipher, "TLS_") {
		return "", fmt.Errorf("version %q, cipher %q", request.TLS.Version, request.TLS.Cipher)
	}
	var parsed []*x509.Certificate
	for _, text := range request.TLS.VerifiedChains[0] {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return "", errors.New("not PEM")
		}
		parsed = append(parsed, must(x509.ParseCertificate(block.Bytes)))
	}
	if !parsed[1].Equal(ca) {
		return "", errors.New("the chain does not end at its root")
	}
	return parsed[0].Subject.CommonName, nil
}

// The service knows clients by the certificates that they showed.
func calloutSeesCertificates() error {
	folder := must(os.MkdirTemp("", "petrel-auth-"))
	defer os.RemoveAll(folder)
	a := &authority{folder: folder}
	for _, name := range []string{"ca", "server", "ann", "bob"} {
		if err := a.issue(name); err != nil {
			return err
		}
	}
	issuer := must(nkeys.CreateAccount())
	config := fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n",
		a.path("server.pem"), a.path("server.key"), a.path("ca.pem")) + calloutConfigFor(issuer, nil)
	answers := func(request *jwt.AuthorizationRequestClaims) (string, string) {
		name, err := commonNameOf(request, a.certificate)
		if err != nil || name != "ann" {
			return "", fmt.Sprintf("not ann: %q %v", name, err)
		}
		claims := jwt.NewUserClaims(request.UserNkey)
		claims.Audience, claims.Name = "APP", name
		return must(claims.Encode(issuer)), ""
	}
	return with(config, func(s *server) error {
		auth, err := nats.Connect(s.url, nats.UserInfo("auth", "auth"), a.secure("server"))
		if err != nil {
			return err
		}
		defer auth.Close()
		if err := (&service{issuer, nil, answers, false}).serve(auth); err != nil {
			return err
		}
		ann, err := nats.Connect(s.url, a.secure("ann"))
		if err != nil {
			return err
		}
		defer ann.Close()
		_, err = nats.Connect(s.url, a.secure("bob"))
		return expect(errors.Is(err, nats.ErrAuthorization), "bob: %v", err)
	})
}
