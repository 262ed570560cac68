package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// 2100-01-01: no test lives that long.
var farAway = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

var out *bufio.Writer

func put(name, value string) { fmt.Fprintf(out, "%s\t%s\n", name, value) }

func main() {
	out = bufio.NewWriter(os.Stdout)
	defer out.Flush()
	keys()
	operators()
	accounts()
	users()
	activations()
	callouts()
	forged()
}

func keys() {
	ann := user("ann")
	put("user.ann", public(ann))
	put("seed.ann", string(seed(nkeys.PrefixByteUser, "ann")))
	put("operator.op", public(operator("op")))
	put("operator.op2", public(operator("op2")))
	put("account.acc", public(account("acc")))
	put("account.other", public(account("other")))
	put("account.signer", public(account("signer")))
	put("account.role", public(account("role")))
	put("account.sys", public(account("sys")))
	signature, err := ann.Sign([]byte("a nonce"))
	must(err)
	put("signature.ann", base64.RawURLEncoding.EncodeToString(signature))
	put("signature.ann.padded", base64.StdEncoding.EncodeToString(signature))
	server, service := key(nkeys.PrefixByteCurve, "server"), key(nkeys.PrefixByteCurve, "service")
	put("curve.server", public(server))
	put("curve.service", public(service))
	put("curve.server.seed", string(seed(nkeys.PrefixByteCurve, "server")))
	put("curve.service.seed", string(seed(nkeys.PrefixByteCurve, "service")))
	box, err := service.SealWithRand([]byte("sealed words"), public(server), rand.Reader)
	must(err)
	put("curve.box", base64.RawURLEncoding.EncodeToString(box))
}

func operators() {
	plain := jwt.NewOperatorClaims(public(operator("op")))
	plain.Name = "op"
	plain.SystemAccount = public(account("sys"))
	plain.SigningKeys.Add(public(operator("op2")))
	token, err := plain.Encode(operator("op"))
	must(err)
	put("jwt.operator", token)
	strict := jwt.NewOperatorClaims(public(operator("op")))
	strict.StrictSigningKeyUsage = true
	strict.SigningKeys.Add(public(operator("op2")))
	token, err = strict.Encode(operator("op"))
	must(err)
	put("jwt.operator.strict", token)
	newer := jwt.NewOperatorClaims(public(operator("op")))
	newer.AssertServerVersion = "2.16.0"
	token, err = newer.Encode(operator("op"))
	must(err)
	put("jwt.operator.newer", token)
}

func accountToken(name string, signer nkeys.KeyPair, change func(*jwt.AccountClaims)) {
	claims := jwt.NewAccountClaims(public(account("acc")))
	claims.Name = "acc"
	if change != nil {
		change(claims)
	}
	token, err := claims.Encode(signer)
	must(err)
	put(name, token)
}

func roleScope() *jwt.UserScope {
	scope := jwt.NewUserScope()
	scope.Key = public(account("role"))
	scope.Role = "worker"
	scope.Template.Pub.Allow.Add("work.{{name()}}.>", "tag.{{tag(dept)}}", "acc.{{account-name()}}.{{account-tag(zone)}}")
	scope.Template.Sub.Allow.Add("in.{{subject()}}", "gone.{{tag(none)}}")
	scope.Template.Sub.Deny.Add("in.{{account-subject()}}")
	scope.Template.Subs = 5
	return scope
}

func accounts() {
	accountToken("jwt.account", operator("op"), nil)
	accountToken("jwt.account.signed_by_key", operator("op2"), nil)
	accountToken("jwt.account.self_signed", account("acc"), nil)
	accountToken("jwt.account.expired", operator("op"), func(c *jwt.AccountClaims) { c.Expires = 1000 })
	accountToken("jwt.account.full", operator("op"), func(c *jwt.AccountClaims) {
		c.Tags.Add("zone:east", "zone:west")
		c.Limits.Conn, c.Limits.Subs, c.Limits.Payload, c.Limits.LeafNodeConn = 10, 20, 30, 4
		c.Limits.DiskStorage, c.Limits.MemoryStorage, c.Limits.Streams, c.Limits.Consumer = 1000, 500, 7, 8
		c.SigningKeys.Add(public(account("signer")))
		c.SigningKeys.AddScopedSigner(roleScope())
		c.Revocations = jwt.RevocationList{public(user("gone")): farAway}
		c.DefaultPermissions.Pub.Allow.Add("default.>")
		c.AddMapping("old", jwt.WeightedMapping{Subject: "new", Weight: 60}, jwt.WeightedMapping{Subject: "newer", Weight: 40})
		c.Exports.Add(&jwt.Export{Name: "s", Subject: "out.>", Type: jwt.Stream, TokenReq: true},
			&jwt.Export{Name: "q", Subject: "ask", Type: jwt.Service, ResponseType: jwt.ResponseTypeChunked,
				Latency: &jwt.ServiceLatency{Sampling: 50, Results: "lat"}})
		c.Imports.Add(&jwt.Import{Name: "i", Subject: "theirs.*", Account: public(account("other")),
			LocalSubject: "mine.*", Type: jwt.Stream},
			&jwt.Import{Name: "j", Subject: "help", Account: public(account("other")), Type: jwt.Service, Share: true})
		c.Trace = &jwt.MsgTrace{Destination: "traces", Sampling: 25}
		c.Authorization.AuthUsers.Add(public(user("callout")))
		c.Authorization.AllowedAccounts.Add(jwt.AnyAccount)
		c.Authorization.XKey = public(key(nkeys.PrefixByteCurve, "service"))
	})
	accountToken("jwt.account.tiers", operator("op"), func(c *jwt.AccountClaims) {
		c.Limits.JetStreamTieredLimits["R1"] = jwt.JetStreamLimits{DiskStorage: 100, Streams: 1}
		c.Limits.JetStreamTieredLimits["R3"] = jwt.JetStreamLimits{DiskStorage: 300, Streams: 3}
	})
	accountToken("jwt.account.no_bearer", operator("op"), func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = true })
	accountToken("jwt.account.bad_mapping", operator("op"), func(c *jwt.AccountClaims) {
		c.AddMapping("a", jwt.WeightedMapping{Subject: "b", Weight: 80}, jwt.WeightedMapping{Subject: "c", Weight: 80})
	})
	system := jwt.NewAccountClaims(public(account("sys")))
	system.Name = "SYS"
	token, err := system.Encode(operator("op"))
	must(err)
	put("jwt.account.sys", token)
}

func userToken(name string, signer nkeys.KeyPair, change func(*jwt.UserClaims)) {
	claims := jwt.NewUserClaims(public(user("ann")))
	claims.Name = "ann"
	change(claims)
	token, err := claims.Encode(signer)
	must(err)
	put(name, token)
}

func users() {
	acc := account("acc")
	userToken("jwt.user", acc, func(c *jwt.UserClaims) {})
	userToken("jwt.user.full", acc, func(c *jwt.UserClaims) {
		c.Pub.Allow.Add("a.>")
		c.Pub.Deny.Add("a.b")
		c.Sub.Allow.Add("c.>", "work q")
		c.Resp = &jwt.ResponsePermission{MaxMsgs: 3, Expires: time.Second}
		c.Src.Add("127.0.0.0/8", "10.1.0.0/16")
		c.Limits.Subs, c.Limits.Payload = 7, 1000
		c.Expires = farAway
		c.Tags.Add("dept:x")
		c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	})
	userToken("jwt.user.expired", acc, func(c *jwt.UserClaims) { c.Expires = 1000 })
	userToken("jwt.user.future", acc, func(c *jwt.UserClaims) { c.NotBefore = farAway })
	userToken("jwt.user.bearer", acc, func(c *jwt.UserClaims) { c.BearerToken = true })
	userToken("jwt.user.elsewhere", acc, func(c *jwt.UserClaims) { c.Src.Add("192.0.2.0/24") })
	userToken("jwt.user.websocket", acc, func(c *jwt.UserClaims) {
		c.AllowedConnectionTypes.Add(jwt.ConnectionTypeWebsocket)
	})
	userToken("jwt.user.proxied", acc, func(c *jwt.UserClaims) { c.ProxyRequired = true })
	userToken("jwt.user.morning", acc, func(c *jwt.UserClaims) {
		c.Times = []jwt.TimeRange{{Start: "08:00:00", End: "12:00:00"}}
		c.Locale = "UTC"
	})
	userToken("jwt.user.by_signer", account("signer"), func(c *jwt.UserClaims) { c.IssuerAccount = public(acc) })
	userToken("jwt.user.by_stranger", account("stranger"), func(c *jwt.UserClaims) { c.IssuerAccount = public(acc) })
	userToken("jwt.user.scoped", account("role"), func(c *jwt.UserClaims) {
		c.IssuerAccount = public(acc)
		c.SetScoped(true)
		c.Tags.Add("dept:a", "dept:b")
	})
	userToken("jwt.user.scoped.greedy", account("role"), func(c *jwt.UserClaims) {
		c.IssuerAccount = public(acc)
		c.SetScoped(true)
		c.Pub.Allow.Add(">")
	})
	gone := jwt.NewUserClaims(public(user("gone")))
	token, err := gone.Encode(acc)
	must(err)
	put("jwt.user.gone", token)
}

func activations() {
	claims := jwt.NewActivationClaims(public(account("acc")))
	claims.ImportSubject, claims.ImportType = "theirs.*", jwt.Stream
	token, err := claims.Encode(account("other"))
	must(err)
	put("jwt.activation", token)
}

func callouts() {
	claims := jwt.NewAuthorizationResponseClaims(public(user("ann")))
	claims.Audience = public(key(nkeys.PrefixByteServer, "server"))
	claims.Error = "no entry"
	token, err := claims.Encode(account("acc"))
	must(err)
	put("jwt.response.error", token)
	generic := jwt.NewGenericClaims(public(operator("op")))
	generic.Data["accounts"] = []string{public(account("acc"))}
	token, err = generic.Encode(operator("op"))
	must(err)
	put("jwt.generic", token)
}

// Signs whatever it is given, which the modules would refuse.
func sign(signer nkeys.KeyPair, header, payload string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := signer.Sign([]byte(text))
	must(err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

const header = `{"typ":"JWT","alg":"ed25519-nkey"}`

func forged() {
	acc := account("acc")
	payload := func(subject, kind string, version int) string {
		text, err := json.Marshal(map[string]any{"iat": 1, "iss": public(acc), "sub": subject,
			"nats": map[string]any{"type": kind, "version": version, "subs": -1, "data": -1, "payload": -1}})
		must(err)
		return string(text)
	}
	ann := public(user("ann"))
	put("forged.version_3", sign(acc, header, payload(ann, "user", 3)))
	put("forged.no_version", sign(acc, header, payload(ann, "user", 0)))
	put("forged.algorithm", sign(acc, `{"typ":"JWT","alg":"none"}`, payload(ann, "user", 2)))
	put("forged.account_by_user", sign(acc, header, payload(ann, "operator", 2)))
	put("forged.truncated_key", sign(acc, header, payload(truncated(user("ann")), "user", 2)))
}

// A public user key with a right checksum and too few bytes.
func truncated(pair nkeys.KeyPair) string {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(public(pair)))
	must(err)
	short := append([]byte{byte(nkeys.PrefixByteUser)}, raw[:24]...)
	var crc uint16
	for _, b := range short {
		crc ^= uint16(b) << 8
		for bit := 0; bit < 8; bit++ {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return base32Text(binary.LittleEndian.AppendUint16(short, crc))
}
