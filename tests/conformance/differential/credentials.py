"""Keys and JWTs for scenarios, made while they are played: Ed25519 of RFC 8032 in plain Python, so that nothing has to be
installed. Keys come from names, as in ../credentials; they are nobody's secrets."""
import base64
import hashlib
import json
import time

import boxes

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_PREFIX = {"OPERATOR": 14 << 3, "ACCOUNT": 0, "USER": 20 << 3, "SERVER": 13 << 3, "CURVE": 23 << 3}
KINDS = tuple(_PREFIX)


def _base():
    y = 4 * pow(5, _P - 2, _P) % _P
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return (_P - x if x & 1 else x), y


_BASE = (*_base(), 1, _base()[0] * _base()[1] % _P)


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n, point):
    found = (0, 1, 1, 0)
    while n:
        if n & 1:
            found = _add(found, point)
        point, n = _add(point, point), n >> 1
    return found


def _packed(point):
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _secret(seed):
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little")
    return number & ~7 & (1 << 255) - 1 & ~(1 << 255) | 1 << 254, digest[32:]


def _seed(name):
    return hashlib.sha256(b"petrel test key " + name.encode()).digest()


def signature(name, message):
    """64 bytes: the message signed with the key of that name."""
    scalar, prefix = _secret(_seed(name))
    public = _packed(_times(scalar, _BASE))
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % _L
    point = _packed(_times(nonce, _BASE))
    challenge = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % _L
    return point + ((nonce + challenge * scalar) % _L).to_bytes(32, "little")


def _crc(raw):
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def public(kind, name):
    """The public key of a name, as text: public("USER", "ann") is U..."""
    key = boxes.base(_seed(name)) if kind == "CURVE" else _packed(_times(_secret(_seed(name))[0], _BASE))
    raw = bytes([_PREFIX[kind]]) + key
    return base64.b32encode(raw + _crc(raw).to_bytes(2, "little")).decode().rstrip("=")


def seed_text(kind, name):
    """The seed of a name, as text: SU..."""
    prefix = _PREFIX[kind]
    raw = bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3]) + _seed(name)
    return base64.b32encode(raw + _crc(raw).to_bytes(2, "little")).decode().rstrip("=")


def url64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(kind, issuer, claims):
    """A JWT of that kind; `issuer` is KIND:name. Times written "+2" count from now."""
    of, _, name = issuer.partition(":")
    payload = {"iat": int(time.time()), "iss": public(of, name), **claims}
    for key in ("iat", "exp", "nbf"):
        if isinstance(payload.get(key), str):
            payload[key] = int(time.time()) + int(payload[key])
    payload["nats"] = {**payload.get("nats", {}), "type": kind, "version": 2}
    payload["jti"] = base64.b32encode(hashlib.sha256(json.dumps(payload).encode()).digest()).decode().rstrip("=")
    text = url64(b'{"typ":"JWT","alg":"ed25519-nkey"}') + "." + url64(json.dumps(payload).encode())
    return text + "." + url64(signature(name, text.encode()))


def raw_key(text):
    """The 32 bytes of a public key."""
    return base64.b32decode(text + "=" * (-len(text) % 8))[1:33]


def seal(name, public_text, text):
    """A box from the curve key of that name to a public one."""
    return boxes.seal(_seed(name), raw_key(public_text), text)


def unseal(name, public_text, box):
    return boxes.unseal(_seed(name), raw_key(public_text), box)
