package ntf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue makes a certificate; without an authority it signs itself.
func issue(name string, names []string, by *authority) (*authority, []byte, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	parent, signer := template, key
	if by == nil {
		template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	} else {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, nil, err
	}
	return &authority{template, key}, pemOf("CERTIFICATE", der), pemOf("EC PRIVATE KEY", encoded), nil
}

// writeTLS makes the files ca.pem, cert.pem and key.pem for a server.
func writeTLS(folder string, options *tlsOptions) (*TLSMaterial, error) {
	ca, caPEM, _, err := issue("test authority "+folder, nil, nil)
	if err != nil {
		return nil, err
	}
	_, cert, key, err := issue("test server", options.names, ca)
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"ca.pem": caPEM, "cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	material := &TLSMaterial{CAPEM: string(caPEM)}
	if options.mutual {
		_, cert, key, err = issue("test client", nil, ca)
		material.ClientCertPEM, material.ClientKeyPEM = string(cert), string(key)
	}
	return material, err
}

// TLSConfig is what a client of the instance connects with.
func TLSConfig(inst *Instance) (*tls.Config, error) {
	if inst == nil || inst.TLS == nil {
		return nil, errors.New("the instance was made without TLS")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(inst.TLS.CAPEM))
	config := &tls.Config{RootCAs: pool}
	if inst.TLS.ClientCertPEM != "" {
		pair, err := tls.X509KeyPair([]byte(inst.TLS.ClientCertPEM), []byte(inst.TLS.ClientKeyPEM))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
