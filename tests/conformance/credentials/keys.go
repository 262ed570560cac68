// Makes keys and JWTs with the public Go modules, for tests of Petrel. Nothing made here is a
// secret of anybody.
package main

import (
	"crypto/sha256"
	"encoding/base32"

	"github.com/nats-io/nkeys"
)

// The keys are derived from names, so that a run makes the same ones again.
func seed(prefix nkeys.PrefixByte, name string) []byte {
	raw := sha256.Sum256([]byte("petrel test key " + name))
	text, err := nkeys.EncodeSeed(prefix, raw[:])
	must(err)
	return text
}

func key(prefix nkeys.PrefixByte, name string) nkeys.KeyPair {
	var pair nkeys.KeyPair
	var err error
	if prefix == nkeys.PrefixByteCurve {
		pair, err = nkeys.FromCurveSeed(seed(prefix, name))
	} else {
		pair, err = nkeys.FromSeed(seed(prefix, name))
	}
	must(err)
	return pair
}

func operator(name string) nkeys.KeyPair { return key(nkeys.PrefixByteOperator, name) }
func account(name string) nkeys.KeyPair  { return key(nkeys.PrefixByteAccount, name) }
func user(name string) nkeys.KeyPair     { return key(nkeys.PrefixByteUser, name) }

func public(pair nkeys.KeyPair) string {
	text, err := pair.PublicKey()
	must(err)
	return text
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func base32Text(raw []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
}
