"""Boxes of curve keys, as nkeys makes them: "xkv1", a nonce, then X25519, XSalsa20 and Poly1305 in plain Python."""
import hashlib
import struct

_P = 2**255 - 19
_HEAD = b"xkv1"
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_QUARTERS = ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
             (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))


def x25519(scalar, point):
    """RFC 7748."""
    n = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        swap = n >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % _P, c * b % _P, a * a % _P, b * b % _P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % _P, x1 * (da - cb) ** 2 % _P
        x2, z2 = aa * bb % _P, e * (aa + 121665 * e) % _P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(32, "little")


def base(scalar):
    return x25519(scalar, (9).to_bytes(32, "little"))


def _rounds(key, middle):
    key = struct.unpack("<8I", key)
    middle = struct.unpack("<4I", middle)
    start = [_SIGMA[0], *key[:4], _SIGMA[1], *middle, _SIGMA[2], *key[4:], _SIGMA[3]]
    x = list(start)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            for target, one, two, turn in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
                total = (x[one] + x[two]) & 0xFFFFFFFF
                x[target] ^= (total << turn | total >> 32 - turn) & 0xFFFFFFFF
    return start, x


def _hsalsa20(key, middle):
    _, x = _rounds(key, middle)
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def _stream(key, nonce, size):
    key = _hsalsa20(key, nonce[:16])
    out = b""
    for count in range((size + 63) // 64):
        start, x = _rounds(key, nonce[16:] + struct.pack("<Q", count))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, x)))
    return out[:size]


def _poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(text), 16):
        total = (total + int.from_bytes(text[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def _shared(secret, public):
    return _hsalsa20(x25519(secret, public), bytes(16))


def seal(secret, public, text):
    nonce = hashlib.sha256(b"petrel test nonce " + text).digest()[:24]
    stream = _stream(_shared(secret, public), nonce, 32 + len(text))
    sealed = bytes(a ^ b for a, b in zip(text, stream[32:]))
    return _HEAD + nonce + _poly1305(stream[:32], sealed) + sealed


def unseal(secret, public, box):
    """The text of a box, or None if it is none for this key."""
    nonce, tag, sealed = box[4:28], box[28:44], box[44:]
    stream = _stream(_shared(secret, public), nonce, 32 + len(sealed))
    if box[:4] != _HEAD or _poly1305(stream[:32], sealed) != tag:
        return None
    return bytes(a ^ b for a, b in zip(sealed, stream[32:]))
