"""What an answer of the system account says, taken out of its encoding."""
import gzip


def decode(encoding, payload):
    """The bytes of a payload with this Content-Encoding; None stands for none."""
    if encoding == "gzip":
        return gzip.decompress(payload)
    if encoding == "snappy":
        return _snappy_stream(payload)
    return payload


def _snappy_stream(data):
    """google/snappy framing_format.txt; checksums are not looked at."""
    out, at = bytearray(), 0
    while at < len(data):
        kind, size = data[at], int.from_bytes(data[at + 1:at + 4], "little")
        body = data[at + 4:at + 4 + size]
        if kind == 0:
            out += _snappy_block(body[4:])
        elif kind == 1:
            out += body[4:]
        at += 4 + size
    return bytes(out)


def _varint(data):
    value, at = 0, 0
    while True:
        value |= (data[at] & 127) << (7 * at)
        at += 1
        if data[at - 1] < 128:
            return value, at


def _snappy_block(data):
    """google/snappy format_description.txt."""
    size, at = _varint(data)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[at]
            at += 1
        else:
            bytes_of_offset = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + bytes_of_offset], "little")
            at += bytes_of_offset
        for _ in range(length):
            out.append(out[-offset])
    if len(out) != size:
        raise ValueError("a damaged snappy block")
    return bytes(out)
