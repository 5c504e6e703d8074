#!/usr/bin/env python3
"""The emergency reader lists, verifies and restores the snapshots of a Holdfast memory without Holdfast.

    holdfast-reader.py list    MEMORY                  all snapshots, newest first
    holdfast-reader.py list    MEMORY --at 1a2b3c4d    the files of one snapshot
    holdfast-reader.py verify  MEMORY --all            read and check every byte
    holdfast-reader.py restore MEMORY --to DIR         write the files of a snapshot

It was written from docs/format.md alone ("the document" below) and never writes to a store. It needs Python 3.9
or later and `zstandard` (pip install zstandard).

How the file is laid out: errors, binary documents, stores (directory, S3), commits, the memory with its history
and its contents, the three commands, the command line.
"""
import argparse, collections, configparser, contextlib, datetime, hashlib, hmac, html, http.client, json, os, random, re
import shutil, signal, ssl, stat, sys, tempfile, time, urllib.parse

NEWEST_FORMAT = 2  # of a commit
MIB = 1024 * 1024
MAX_COMMIT = 256 * 1024  # bytes of a commit
MAX_CONTENT = 16 * MIB  # bytes of a frame's content
MAX_STORED = MAX_CONTENT + 128 * 1024  # bytes of a frame in its pack
MAX_PACK = 1024 * MIB  # bytes of a pack
PACK_HEADER = 4 + 1 + 16  # "HFPK", version, salt
HEADER_ZONE = 512 * 1024  # who reads below this offset of a pack checks the pack's version, too
WINDOW = 4 * MIB  # bytes that are fetched at once: neighbouring frames come with one request
ZERO = bytes(32)  # in a document, the name of the pack in which the document itself lies
OK, ERROR, DAMAGE, USAGE = 0, 1, 2, 64  # exit codes


# ------------------------------------------------------------------------------------------------ errors and output

class ReaderError(Exception):
    """An error that ends the program with exit code 1: the message says what failed, why, and what to do."""

class TooNew(ReaderError):
    """Something was written by a newer Holdfast than this reader knows: it is neither damaged nor readable."""

    def __init__(self, what):
        super().__init__(f"{what}. Please update holdfast-reader: this one reads formats 1 to {NEWEST_FORMAT}.")

class Damaged(Exception):
    """An object is missing, too short, altered or cannot be decoded."""

class Refused(Exception):
    """The store did not hand out an object: what it holds is unknown, so it is neither absent nor damaged."""

def check(good, message):
    """Raise Damaged with a message unless something is good."""
    if not good:
        raise Damaged(message)

@contextlib.contextmanager
def noting(found, where=""):
    """Note in a list that something is damaged or refused, instead of raising it further."""
    try:
        yield
    except (Damaged, Refused) as error:
        found.append(type(error)(where + str(error)))

def shown(text):
    """A text or path that is safe to print: control characters and bytes that are no UTF-8 become escapes."""
    text = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else str(text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)

def warn(message):
    """Tell people something, on standard error."""
    sys.stdout.flush()
    print("holdfast-reader: " + message, file=sys.stderr, flush=True)

def sha256(data):
    """The SHA-256 of bytes, as 32 bytes."""
    return hashlib.sha256(data).digest()


# ------------------------------------------------------------------------------------------------- binary documents

# Where a blob is: its digest; its frame by pack, offset in the pack, stored length and content length; the blob's
# offset in the frame's content, and its length.
Reference = collections.namedtuple("Reference", "digest pack at stored content offset length")

# One file of a snapshot. `references` are those of its blobs (kind 1 and 2) or of its chunk lists (kind 3); for kind
# 3 `packs` are the packs of the chunks.
Entry = collections.namedtuple("Entry", "path mode time size digest kind references packs")

class Document:
    """A binary document that is read from front to back. Everything in it is checked, since it may be hostile."""

    def __init__(self, data, letters, version, what):
        self.data, self.at, self.what = data, 0, what
        check(self.take(4) == letters, f"{what} does not start with {letters.decode()}")
        found = self.take(1)[0]
        if found > version:
            raise TooNew(f"{what} has version {found}, which is above {version}")
        check(found == version, f"{what} has version {found} instead of {version}")

    def take(self, length):
        """The next bytes."""
        if length > len(self.data) - self.at:
            raise Damaged(f"{self.what} ends too early")
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self):
        """The next unsigned LEB128 number, of at most 64 bits and in its shortest form."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                check((byte or not shift) and not value >> 64, f"{self.what} holds a number that is not well formed")
                return value
        raise Damaged(f"{self.what} holds a number that is too long")

    def count(self, smallest):
        """The next count, of items that take at least `smallest` bytes each: it cannot reach past the end."""
        value = self.number()
        check(value * smallest <= len(self.data) - self.at, f"{self.what} holds a count that reaches past its end")
        return value

    def end(self):
        """The end of the document has to be here."""
        check(self.at == len(self.data), f"{self.what} has {len(self.data) - self.at} bytes too many")

    def table(self, own_pack):
        """The packs and frames to which the document refers; a pack of zero bytes is the document's own."""
        packs = [self.take(32) for _ in range(self.count(32))]
        self.packs, self.frames = [own_pack if pack == ZERO else pack for pack in packs], []
        for _ in range(self.count(4)):
            self.frames.append(check_frame((self.pack(), self.number(), self.number(), self.number()), self.what))

    def pack(self):
        """The next index of a pack, as the pack."""
        index = self.number()
        check(index < len(self.packs), f"{self.what} refers to a pack that its table does not have")
        return self.packs[index]

    def reference(self, digest=None, length=None):
        """The next reference to a blob; digest and length stand in it unless they are known already."""
        digest = self.take(32) if digest is None else digest
        index, offset = self.number(), self.number()
        length = self.number() if length is None else length
        check(index < len(self.frames), f"{self.what} refers to a frame that its table does not have")
        check(0 < length <= self.frames[index][3] - offset, f"{self.what} refers to bytes outside of a frame")
        return Reference(digest, *self.frames[index], offset, length)

def check_frame(frame, what):
    """The frame (pack, offset, stored length, content length), if such a frame can exist."""
    _, at, stored, content = frame
    check(0 < content <= MAX_CONTENT and 0 < stored <= MAX_STORED and PACK_HEADER <= at <= MAX_PACK - stored,
          f"{what} describes a frame that cannot exist")
    return frame

def decode_pack_list(document):
    """The pack list that comes next in a document, as a dictionary: pack -> its size and the bytes of it in use."""
    packs, before = {}, b""
    for _ in range(document.count(34)):
        pack, size, in_use = document.take(32), document.number(), document.number()
        check(before < pack, f"the pack list in {document.what} is not in order")
        check(in_use <= size <= MAX_PACK, f"{document.what} has impossible sizes of packs")
        packs[pack], before = (size, in_use), pack
    return packs

def decompress(data, length, what):
    """The content of one zstd frame, which has to fill `data` and to have exactly `length` bytes (at most 16 MiB)."""
    try:
        import zstandard
    except ImportError:
        raise ReaderError("the Python module `zstandard` is missing. Install it: pip install zstandard\n(or in a place "
                          "of its own: python3 -m venv v && v/bin/pip install zstandard, and use v/bin/python)")
    try:
        header = zstandard.get_frame_parameters(data)
        check(data[:4] == b"\x28\xb5\x2f\xfd" and header.content_size == length and not header.dict_id,
              f"{what} is not a zstd frame of {length} bytes")
        # Follow the block headers (RFC 8878, 3.1.1.2) to the end of the frame: nothing may come behind it.
        at, last = zstandard.frame_header_size(data), 0
        while not last and at + 3 <= len(data):
            block = int.from_bytes(data[at:at + 3], "little")
            last, kind, size = block & 1, block >> 1 & 3, block >> 3
            at += 3 + (1 if kind == 1 else size)
        check(last and at + (4 if header.has_checksum else 0) == len(data), f"{what} does not end where it should")
        # The output cannot grow: with a content size in the header exactly that much memory is used.
        content = zstandard.ZstdDecompressor().decompress(data, max_output_size=length)
    except zstandard.ZstdError as error:
        raise Damaged(f"{what} cannot be decompressed: {shown(error)}")
    check(len(content) == length, f"{what} has another length than its reference says")
    return content

def check_path(path):
    """Raise Damaged unless a path is one that stays below its directory."""
    if len(path) > 4096 or b"\0" in path or {b"", b".", b".."} & set(path.split(b"/")):
        raise Damaged(f"the path {shown(path[:200]) or '(empty)'} is not allowed")
    if os.name == "nt" and re.search(rb'[\\:<>"|?*\x01-\x1f]|[. ](/|$)', path):
        raise ReaderError(f"Windows cannot hold the path {shown(path)}: use another system.")


# ----------------------------------------------------------------------------------------------------------- stores

class Directory:
    """A memory in a directory: of a file:// store, or copied out of any store."""

    def __init__(self, path):
        self.path = path
        self.parts = [urllib.parse.unquote(part) for part in os.path.abspath(path).split(os.sep)[-2:]]
        try:
            os.listdir(path)
        except OSError as error:
            raise ReaderError(f"cannot read {shown(path)}: {error.strerror}. Name the directory of a memory: "
                              "it holds `commits` and `packs`.")

    def names(self, folder):
        """The names of all objects below a folder, as paths below it."""
        top, found = os.path.join(self.path, folder), []

        def refuse(error):
            if not (isinstance(error, FileNotFoundError) and error.filename == top):
                raise ReaderError(f"cannot list {shown(error.filename)}: {error.strerror}.")

        for here, _, files in os.walk(top, onerror=refuse):
            found += [os.path.relpath(os.path.join(here, file), top).replace(os.sep, "/") for file in files]
        # A % that starts no escape is in no name of an object: %staging and what is in it.
        return [name for name in found if not re.search("%(?![0-9A-Fa-f]{2})", name)]

    def read(self, key, offset, length):
        """Bytes of an object; fewer where it ends before."""
        path = os.path.join(self.path, *key.split("/"))
        try:
            check(stat.S_ISREG(os.stat(path).st_mode), f"{key} is not a plain file")
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError):
            raise Damaged(f"{key} is missing")
        except OSError as error:
            raise Refused(f"{key} cannot be read: {error.strerror}")

class Bucket:
    """A memory in an S3 bucket, which is read with signed GET requests (signature version 4)."""

    ATTEMPTS, TIMEOUT = 6, 60

    def __init__(self, url, endpoint):
        self.bucket, _, key = url[len("s3://"):].partition("/")
        self.key, self.connection, env = key.rstrip("/"), None, os.environ
        self.parts = self.key.split("/")[-2:]
        if not self.bucket or not self.key:
            raise ReaderError(f"{shown(url)} names no memory: write s3://BUCKET/PREFIX/AGENT/OWNER-REPO.")
        self.region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"
        self.endpoint = endpoint or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
        self.credentials = self.find_credentials()
        self.aim()

    @staticmethod
    def find_credentials():
        """Access key, secret and session token: from the environment, else from the credentials file."""
        names, env = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), os.environ
        found = [env.get(name.upper()) for name in names]
        if not (found[0] or found[1]):
            parser = configparser.ConfigParser(interpolation=None)
            # What goes wrong is never shown: the message can hold a line of the file.
            with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError, KeyError):
                parser.read(env.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.expanduser("~/.aws/credentials"), "utf-8")
                found = [parser[env.get("AWS_PROFILE") or "default"].get(name) for name in names]
        if not (found[0] and found[1]):
            raise ReaderError("no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and "
                              "AWS_SESSION_TOKEN if there is one), or put them into ~/.aws/credentials.")
        return [(value or "").strip() for value in found]

    def aim(self):
        """Find out the host and the beginning of the path: path-style with an endpoint, else a host per bucket."""
        aws = f"s3.{self.region}.amazonaws.com" + (".cn" if self.region.startswith("cn-") else "")
        if self.endpoint or "." in self.bucket:  # the certificate of AWS does not cover a bucket with a dot
            url = urllib.parse.urlsplit((self.endpoint or "https://" + aws).rstrip("/") + "/" + self.bucket)
        else:
            url = urllib.parse.urlsplit(f"https://{self.bucket}.{aws}")
        if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
            raise ReaderError("the endpoint is not an http:// or https:// URL of a host.")
        self.secure, self.host, self.base = url.scheme == "https", url.netloc, url.path

    def signed_headers(self, path, query):
        """The headers of a GET request with its signature."""
        access, secret, token = self.credentials
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.host, "x-amz-content-sha256": sha256(b"").hex(), "x-amz-date": now}
        if token:
            headers["x-amz-security-token"] = token
        names, lines = ";".join(sorted(headers)), "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = "\n".join(["GET", path, query, lines, names, headers["x-amz-content-sha256"]])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, sha256(request.encode()).hex()])
        key = ("AWS4" + secret).encode()
        for part in scope.split("/") + [text]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, "
                                    f"Signature={key.hex()}")
        return headers

    def once(self, key, query, offset, length):
        """One request without a retry: status, headers, and at most `length` bytes. An offset asks for a range."""
        path = urllib.parse.quote(self.base + ("/" + key if key else "") or "/", safe="/-_.~")
        query = "&".join(f"{name}={urllib.parse.quote(query[name], safe='-_.~')}" for name in sorted(query))
        headers = self.signed_headers(path, query)
        if offset is not None:
            headers["range"] = f"bytes={offset}-{offset + length - 1}"
        if not self.connection and self.secure:
            trust = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
            self.connection = http.client.HTTPSConnection(self.host, timeout=self.TIMEOUT, context=trust)
        elif not self.connection:
            self.connection = http.client.HTTPConnection(self.host, timeout=self.TIMEOUT)
        self.connection.request("GET", path + ("?" + query if query else ""), headers=headers)
        answer = self.connection.getresponse()
        # A server that ignores ranges sends everything: skip what lies before. Some send the range, and 200 with it.
        cut = answer.getheader("content-range", "").startswith(f"bytes {offset}-")
        while answer.status == 200 and offset and not cut:
            skipped = len(answer.read(min(offset, MIB)))
            offset = offset - skipped if skipped else 0
        body = answer.read(length if answer.status in (200, 206) else 64 * 1024)
        if len(body) < length and answer.length:  # the server announced more than came
            raise http.client.IncompleteRead(b"")
        if not answer.isclosed() and answer.read(1):
            self.connection = None  # more comes than was asked for: close it
        return answer.status, answer.headers, body

    def get(self, what, key="", query=None, offset=None, length=MIB):
        """The bytes of an answer, after retries. Otherwise Damaged (it is missing), Refused or ReaderError."""
        moved, failure = False, ""
        for attempt in range(self.ATTEMPTS):
            if attempt:
                time.sleep(min(8, 0.25 * 2 ** attempt) * (0.75 + random.random() / 2))
            try:
                status, headers, body = self.once(key, query or {}, offset, length)
            except ssl.SSLCertVerificationError as error:
                raise ReaderError(f"the certificate of {self.host} is not trusted: {shown(error.verify_message)}. "
                                  "Set AWS_CA_BUNDLE to the file of the authority that signed it.")
            except (OSError, http.client.HTTPException) as error:
                self.connection = None
                failure = shown(error) or type(error).__name__
                continue
            if status in (200, 206, 416):
                return b"" if status == 416 else body  # 416: the object ends before the range
            # Of an error only code and message are shown: the rest of it may repeat parts of the request.
            code, text = [shown(tagged(body, name))[:300] for name in ("Code", "Message")]
            failure = f"{status} {code} {text}".strip()
            region = headers.get("x-amz-bucket-region", "")
            if status in (301, 307, 400) and not self.endpoint and not moved and re.fullmatch("[a-z0-9-]+", region):
                self.region, moved = region, True  # AWS says where the bucket really is
                self.connection = None
                self.aim()
            elif status == 404 and offset is not None and code != "NoSuchBucket":
                raise Damaged(f"{what} is missing")
            elif status in (401, 402, 403, 410, 423, 451):
                raise Refused(f"{what} was refused: {failure}")
            elif status < 500 and status not in (408, 429):
                break
        raise ReaderError(f"cannot get {what} from {self.host}: {failure}. Check bucket, region, endpoint, credentials "
                          "and network, then try again.")

    def names(self, folder):
        """The names of all objects below a folder, page by page."""
        prefix, token, found, what = f"{self.key}/{folder}/", "", [], f"the list of {folder}/"
        while True:
            query = {"list-type": "2", "prefix": prefix, "max-keys": "1000", "encoding-type": "url"}
            try:
                body = self.get(what, query={**query, "continuation-token": token} if token else query, length=16 * MIB)
            except Refused as error:
                raise ReaderError(f"{error}. What the memory holds is unknown: use credentials that may list it.")
            if b"<ListBucketResult" not in body or b"</ListBucketResult>" not in body:
                raise ReaderError(f"{self.host} does not answer like S3: check the endpoint.")
            decode = urllib.parse.unquote_plus if tagged(body, "EncodingType") == "url" else str
            keys = re.findall("<Key>([^<]*)</Key>", body.decode("utf-8", "replace"))
            keys = [decode(html.unescape(key)) for key in keys]
            found += [key[len(prefix):] for key in keys if key.startswith(prefix)]
            if tagged(body, "IsTruncated") != "true":
                return found
            last, token = token, tagged(body, "NextContinuationToken")
            if not token or token == last:
                raise ReaderError(f"{self.host} cut {what} and gave no way to go on.")

    def read(self, key, offset, length):
        """Bytes of an object; fewer where it ends before."""
        return self.get(key, f"{self.key}/{key}", None, offset, length)

def tagged(body, name):
    """The text of the first XML element of a name, or an empty one."""
    match = re.search(f"<{name}>([^<]*)<", body.decode("utf-8", "replace"))
    return html.unescape(match.group(1)).strip() if match else ""


# ---------------------------------------------------------------------------------------------------------- commits

KNOWN_FIELDS = set("format critical seq nonce memory agent repository parents sides side ancestors passedOver pack "
                   "packs store body writer time files bytes newBytes manifest scope run tombstones note".split())

def number_of(name):
    """The sequence number in a commit's name, or None if that is no name of a commit."""
    match = re.fullmatch("([0-9]{20})(-[0-9a-f]{32})?", name)
    seq = 10 ** 19 - int(match.group(1)) if match else 0
    return seq if 1 <= seq <= 10 ** 18 else None

class Commit:
    """A commit: the object that makes a snapshot part of the history. The fields are those of the document."""

    def __init__(self, name, data):
        self.name, self.seq, self.id, top = name, number_of(name), sha256(data).hex(), None
        self.what = f"commit {name} ({self.id[:12]})"
        with contextlib.suppress(ValueError, RecursionError):
            top = json.loads(data.decode("utf-8")) if len(data) <= MAX_COMMIT else None
        check(type(top) is dict, f"{self.what} is not JSON of at most 256 KiB")
        self.format = self.field(top, "format", int)
        if self.format > NEWEST_FORMAT:
            raise TooNew(f"{self.what} has format {self.format}")
        for field in self.field(top, "critical", list, []):
            if str(field).replace("body.", "", 1) not in KNOWN_FIELDS:
                raise TooNew(f"{self.what} has the field {shown(field)[:100]}, which a reader has to know")
        self.old = self.format == 1
        body = top if self.old else self.field(top, "body", dict)
        nonce = self.field(top, "nonce", str)
        self.memory = "0" * 32 if self.old else self.field(top, "memory", str)
        check(self.format > 0 and self.field(top, "seq", int) == self.seq and name[20:] in ("", "-" + nonce)
              and all(re.fullmatch("[0-9a-f]{32}", text) for text in (nonce, self.memory)),
              f"format, number, nonce or memory id in {self.what} is wrong")
        self.agent, self.repository = self.field(top, "agent", str), self.field(top, "repository", str)
        self.parents = self.links(self.field(top, "parents", list))
        self.sides = [] if self.old else self.links(self.field(top, "sides", list, []))
        self.side = False if self.old else self.field(top, "side", bool, False)
        # Names of commits that this one contains, with the first 32 digits of their ids ("" in format 1).
        self.ancestors = {}
        for text in self.field(top, "ancestors", list):
            ancestor, colon, digits = text.partition(":") if type(text) is str else ("", "", "")
            check(number_of(ancestor) and re.fullmatch("" if self.old else ":[0-9a-f]{32}", colon + digits),
                  f"the ancestors in {self.what} are wrong")
            self.ancestors[ancestor] = digits
        # All that this commit says about others: name -> beginnings of their ids.
        self.names = collections.defaultdict(set)
        for other, digits in self.parents + self.sides + list(self.ancestors.items()):
            self.names[other].add(digits[:32])
        self.writer, self.time = self.field(body, "writer", str), self.field(body, "time", str)
        self.files, self.bytes = self.field(body, "files", int), self.field(body, "bytes", int)
        self.note = self.field(body, "note", str, "")
        manifest = self.field(body, "manifest", dict)
        pack = {"sha256": manifest.get("pack"), "size": manifest.get("packSize")} if self.old \
            else self.field(top, "pack", dict)
        self.pack, self.pack_size = self.digest(pack), self.field(pack, "size", int)
        self.root = self.place(manifest)
        self.pack_list = None if self.old else self.place(self.field(top, "packs", dict))

    def field(self, place, name, kind, default=None):
        """A field of the commit; one without a default is required."""
        value = place.get(name, default)
        check(type(value) is kind and (kind is not int or 0 <= value < 2 ** 64),
              f"the field `{name}` in {self.what} is missing or wrong")
        return value

    def digest(self, place):
        """The digest in the field `sha256`."""
        text = self.field(place, "sha256", str)
        check(re.fullmatch("[0-9a-f]{64}", text), f"a digest in {self.what} is wrong")
        return bytes.fromhex(text)

    def links(self, items):
        """References to other commits, as a list of name and id."""
        check(all(type(item) is dict and number_of(self.field(item, "name", str)) for item in items),
              f"parents or sides in {self.what} are wrong")
        return [(item["name"], self.digest(item).hex()) for item in items]

    def place(self, place):
        """Where the root or the pack list is, as a reference: each is alone in its frame."""
        at, stored, length = [self.field(place, name, int) for name in ("offset", "storedLength", "length")]
        check(at + stored <= self.pack_size, f"{self.what} describes a frame that cannot exist")
        return Reference(self.digest(place), *check_frame((self.pack, at, stored, length), self.what), 0, length)

class Memory:
    """A memory: its history, and the contents to which it refers. Objects are read when they are needed."""

    def __init__(self, store):
        self.store, found = store, store.names("commits")
        self.names = sorted(name for name in found if number_of(name))  # newest first
        self.others = sorted(name for name in found if not number_of(name))
        self.commits, self.ids, self.owners, self.claims = {}, {}, [], collections.defaultdict(dict)
        self.windows, self.frames, self.kept = collections.OrderedDict(), collections.OrderedDict(), 0
        if not self.names:
            raise ReaderError("there are no snapshots here. Check the name: a memory holds `commits` and `packs`. (A "
                              "place with only `storage` has no history: copy its files as they are.)")

    # The history

    def peek(self, name):
        """A commit by its name, or the exception that says what is wrong with it."""
        if name not in self.commits:
            try:
                data = self.store.read("commits/" + name, 0, MAX_COMMIT + 1)
                self.ids[name] = sha256(data).hex()
                self.commits[name] = commit = Commit(name, data)
            except (Damaged, Refused, TooNew) as error:
                self.commits[name] = error
                return error
            for other, ids in commit.names.items():
                self.claims[other].update((digits, commit.what) for digits in ids)
            owner = f"agent {shown(commit.agent)}, repository {shown(commit.repository.lower())}"
            if not self.owners and self.store.parts != [commit.agent, commit.repository.replace("/", "-")]:
                warn(f"note: this is the memory of {owner}.")
            self.owners += [owner] if owner not in self.owners else []
        return self.commits[name]

    def commit(self, name):
        """A commit by its name; what is wrong with it is raised."""
        found = self.peek(name)
        if isinstance(found, Exception):
            raise found
        return found

    def impostor(self, name):
        """Why a commit is not the one that another, which was read before, knows by its name; or None."""
        for digits, what in self.claims[name].items():
            if not self.ids.get(name, digits).startswith(digits):
                return f"commit {name} was replaced: {what} refers to another by this name"
        return None

    def contains(self, commit, name, identity):
        """Whether a commit contains another: True (proven by hashes), False (disproven) or None (unknown)."""
        waiting, seen, unknown = [commit], set(), False
        while waiting:
            here = waiting.pop()
            if identity[:32] in here.names.get(name, ()):
                return True
            for parent, digest in here.parents + here.sides:
                if number_of(parent) > number_of(name) and parent not in seen:
                    seen.add(parent)
                    if isinstance(self.peek(parent), Commit) and self.ids[parent] == digest:
                        waiting.append(self.peek(parent))
                    else:
                        unknown = True
        return None if unknown else False

    def heads(self):
        """Names of the heads, newest first: commits that no newer head contains, and those that cannot be read."""
        heads, found, unknown = [], [], []
        for name in self.names[:100]:
            if any(name in head.names for head in heads) or getattr(self.peek(name), "side", False):
                continue
            commit = self.peek(name)
            if isinstance(commit, Commit):
                # A head that names 100 newer ancestors may contain this one without naming it.
                within = [self.contains(head, name, commit.id) for head in heads if len(head.ancestors) >= 100
                          and all(number_of(ancestor) > commit.seq for ancestor in head.ancestors)]
                if True in within or None in within:
                    unknown += [] if True in within else [commit.id[:12]]
                    continue
                heads.append(commit)
            found.append(name)
        if unknown:
            warn(f"it is unknown whether the newest snapshot contains {', '.join(unknown)}: what led there was pruned "
                 "or cannot be read.")
        return found

    def candidates(self):
        """Names of the commits that may be the newest whole snapshot, newest first, without side commits."""
        heads = self.heads()
        for name in self.names[self.names.index(heads[0]) if heads else 0:]:
            commit = self.peek(name)
            if len(self.owners) > 1:
                raise ReaderError(f"more than one memory is here ({'; '.join(self.owners)}). Run `list`, then choose a "
                                  "snapshot with --at and its id.")
            if not getattr(commit, "side", False):
                yield name

    def choose(self, at):
        """The name of the commit that --at means."""
        match = re.fullmatch("latest(?:~([0-9]{1,9}))?", at)
        if match:
            name = next(self.candidates(), None)
            if not name:
                raise ReaderError("there are only side commits. Run `list --all` and choose one with --at.")
            for _ in range(int(match.group(1) or 0)):
                commit = self.commit(name)
                name, digest = commit.parents[0] if commit.parents else (None, None)
                if name not in self.names:
                    raise ReaderError(f"{at} does not exist: {commit.what} has no parent, or it was pruned.")
                self.commit(name)
                check(self.ids[name] == digest, f"commit {name} was replaced: it is not the parent of {commit.what}")
            return name
        if not re.fullmatch("[0-9a-fA-F]{4,64}", at):
            raise ReaderError(f"--at {shown(at)}: write `latest`, `latest~N` or at least four digits of an id.")
        found = [name for name in self.names if self.peek(name) and self.ids.get(name, "").startswith(at.lower())]
        if len(found) > 1:
            raise ReaderError(f"--at {at} fits more than one: {', '.join(self.ids[name] for name in found[:8])}")
        if not found:
            unread = len(self.names) - len(self.ids)
            raise ReaderError(f"no snapshot has an id that starts with {at}. Run `list` to see the ids."
                              + (f" {unread} commits could not be read." if unread else ""))
        return found[0]

    # The contents

    def stored_bytes(self, pack, at, length):
        """Bytes of a pack, through a window of some MiB. The pack's version is checked where the window shows it."""
        key = f"packs/{pack.hex()[:2]}/{pack.hex()}"
        start, data = self.windows.get(pack, (0, b""))
        if at < start or at + length > start + len(data):
            start = 0 if at < HEADER_ZONE else at
            data = self.store.read(key, start, at - start + max(length, WINDOW))
            check(start or data[:4] == b"HFPK" and len(data) > PACK_HEADER and data[4], f"{key} is not a pack")
            if start == 0 and data[4] > 1:
                raise TooNew(f"{key} has version {data[4]}")
            check(at + length <= start + len(data), f"{key} is too short")
            self.windows[pack] = (start, data)
            if len(self.windows) > 4:
                self.windows.popitem(last=False)
        self.windows.move_to_end(pack)
        return data[at - start:at - start + length]

    def blob(self, reference):
        """A blob, whose digest is checked. The contents of the last frames are kept, up to 64 MiB."""
        what, key = f"the frame at {reference.at} of pack {reference.pack.hex()}", reference[1:5]
        if key not in self.frames:
            data = self.stored_bytes(reference.pack, reference.at, reference.stored)
            self.frames[key] = decompress(data, reference.content, what)
            self.kept += reference.content
            while self.kept > 64 * MIB:
                self.kept -= len(self.frames.popitem(last=False)[1])
        self.frames.move_to_end(key)
        data = self.frames[key][reference.offset:reference.offset + reference.length]
        check(sha256(data) == reference.digest, f"blob {reference.digest.hex()[:12]} in {what} is altered")
        return data

    def root(self, commit):
        """The root of a snapshot: references of the pages with their numbers of files; in format 1 the pack list."""
        document = Document(self.blob(commit.root), b"HFRT", 1 if commit.old else 2, f"the root of {commit.what}")
        document.table(commit.pack)
        check((document.number(), document.number()) == (commit.files, commit.bytes),
              f"files and bytes in the root are not those in {commit.what}")
        packs = decode_pack_list(document) if commit.old else None
        pages = [(document.reference(), document.number()) for _ in range(document.count(36))]
        document.end()
        return pages, packs

    def packs(self, commit):
        """The pack list of a snapshot, as a dictionary."""
        if commit.old:
            return self.root(commit)[1]
        document = Document(self.blob(commit.pack_list), b"HFPL", 2, f"the pack list of {commit.what}")
        packs = decode_pack_list(document)
        document.end()
        return packs

    def entries(self, commit, report):
        """All files of a snapshot in order. Damage goes to `report`, which may raise it or note it down."""
        before, above, files, size = b"", [], 0, 0
        for number, (page, expected) in enumerate(self.root(commit)[0], 1):
            try:
                entries = self.page(page, f"page {number} of {commit.what}")
            except (Damaged, Refused) as error:
                report(type(error)(f"{expected} files after {shown(before) or 'the start'} are lost: {error}"))
                continue
            if len(entries) != expected:
                report(Damaged(f"page {number} has {len(entries)} files, the root says {expected}"))
            for entry in entries:
                path = entry.path
                if before >= path:
                    report(Damaged(f"{shown(path)} does not come after {shown(before)}"))
                # Earlier paths that this one begins with: none of them may be a directory of it.
                above = [file for file in above if path.startswith(file)]
                if any(path.startswith(file + b"/") for file in above):
                    report(Damaged(f"{shown(path)} lies below a file"))
                above.append(path)
                before, files, size = path, files + 1, size + entry.size
                check(files <= commit.files and size <= commit.bytes, "the pages hold more than the commit says")
                yield entry
        if (files, size) != (commit.files, commit.bytes):
            report(Damaged(f"there are {files} files of {size} bytes, not {commit.files} of {commit.bytes}"))

    def page(self, page, what):
        """The entries of one page."""
        document = Document(self.blob(page), b"HFPG", 1, what)
        document.table(page.pack)
        path, clock, found, count = b"", 0, [], document.count(39)
        for _ in range(count):
            shared = document.number()
            check(shared <= len(path) and count <= 1024, f"{what} has too many files, or shares more than there is")
            path = path[:shared] + document.take(document.number())
            check_path(path)
            mode, zigzag, size = document.number(), document.number(), document.number()
            clock += (zigzag >> 1) ^ -(zigzag & 1)  # a signed difference to the entry before
            digest, kind, references, packs = document.take(32), document.number(), [], []
            if kind == 1:
                references = [document.reference(digest, size)]
            elif kind in (2, 3):
                references = [document.reference() for _ in range(document.count(35))]
                packs = [document.pack() for _ in range(document.count(1))] if kind == 3 else []
            check(kind <= 3 and mode <= 0o777 and -2 ** 63 <= clock < 2 ** 63 and (kind or not size),
                  f"{what} has an entry of an impossible kind, mode, time or size")
            found.append(Entry(path, mode, clock, size, digest, kind, references, packs))
        document.end()
        return found

    def chunks(self, entry):
        """References of a file's blobs, in order."""
        for reference in entry.references:
            if entry.kind < 3:
                yield reference
                continue
            document = Document(self.blob(reference), b"HFCL", 1, f"a chunk list of {shown(entry.path)}")
            document.table(reference.pack)
            for _ in range(document.count(35)):
                chunk = document.reference()
                check(chunk.pack in entry.packs, f"its entry does not name pack {chunk.pack.hex()} with its chunks")
                yield chunk
            document.end()

    def content(self, entry):
        """A file's content, blob by blob. Damage is raised at the latest at the end: use nothing before."""
        whole, size = hashlib.sha256(), 0
        for reference in self.chunks(entry):
            size += reference.length
            check(size <= entry.size, "its chunks are longer than the file")
            data = self.blob(reference)
            whole.update(data)
            yield data
        check(size == entry.size and whole.digest() == entry.digest, "size or digest of its content is wrong")


# --------------------------------------------------------------------------------------------------------- commands

def raise_error(error):
    """Raise what is reported: the report that ends the work at the first damage."""
    raise error

def moment(nanoseconds):
    """A time in nanoseconds since 1970 as text, in UTC."""
    seconds, rest = divmod(nanoseconds, 10 ** 9)  # 64 bits reach from 1677 to 2262
    return f"{(datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat()}.{rest:09d}Z"

def list_snapshots(memory, options):
    """Print all snapshots, newest first; returns the exit code."""
    commits = [(name, memory.peek(name)) for name in memory.names]
    heads, rows, worst = [name for name in memory.heads() if isinstance(memory.peek(name), Commit)], [], OK
    for name, commit in commits:
        if getattr(commit, "side", False) and not options.all:
            continue
        row = {"name": name, "id": memory.ids.get(name), "state": "readable"}
        if isinstance(commit, Commit):
            fields = ("side", "format", "agent", "repository", "time", "writer", "files", "bytes", "note")
            row.update({"head": name in heads, **{field: getattr(commit, field) for field in fields}})
            commit = Damaged(memory.impostor(name)) if memory.impostor(name) else None
        if commit:
            row.update({"state": type(commit).__name__.lower(), "why": str(commit)})
            worst = DAMAGE if worst == DAMAGE or isinstance(commit, Damaged) else ERROR
        rows.append(row)
    for other in memory.others:
        warn(f"commits/{shown(other)} is ignored: that is no name of a commit.")
    if options.json:
        print(json.dumps({"snapshots": rows}))
        return worst
    print(f"  {'id':12}  {'time':24}  {'writer':20} {'files':>9} {'bytes':>15}  note")
    for row in rows:
        if "files" in row:
            mark = "*" if row["head"] else "s" if row["side"] else " "
            print(f"{mark} {row['id'][:12]}  {shown(row['time']):24}  {shown(row['writer']):20} {row['files']:9} "
                  f"{row['bytes']:15}  {shown(row['note'])}".rstrip())
        if "why" in row:
            print(f"! {(row['id'] or '-')[:12]:12}  {row['state'].upper()}: {row['why']}")
    print(f"{len(rows)} snapshots; * head" + (", s side commit" if options.all else ""))
    if len(heads) > 1:
        print("There is more than one head: states that were saved side by side. The first is the newest.")
    return worst

def list_files(memory, name, options):
    """Print the files of one snapshot; returns the exit code."""
    commit, before = memory.commit(name), ""
    if options.json:
        print(f'{{"snapshot": "{commit.id}", "files": [', end="")
    for entry in memory.entries(commit, raise_error):
        if options.json:
            row = {"path": entry.path.decode("utf-8", "replace"), "size": entry.size, "mode": f"{entry.mode:03o}",
                   "time": moment(entry.time), "timeNs": entry.time, "sha256": entry.digest.hex()}
            row.update({} if row["path"].encode("utf-8") == entry.path else {"pathHex": entry.path.hex()})
            print(before + json.dumps(row), end="")
            before = ", "
        else:
            print(f"{entry.mode:03o} {entry.size:13}  {moment(entry.time)}  {shown(entry.path)}")
    if options.json:
        print("]}")
    return OK

class Verifier:
    """A verifier reads every byte of snapshots; what several snapshots share is read once."""

    def __init__(self, memory):
        self.memory, self.packs, self.contents = memory, {}, {}

    def pack(self, pack):
        """Read a whole pack; returns its size and a list of what is wrong with it."""
        if pack not in self.packs:
            key, whole, size, data, found = f"packs/{pack.hex()[:2]}/{pack.hex()}", hashlib.sha256(), 0, None, []
            with noting(found):
                while data is None or len(data) == 8 * MIB and size <= MAX_PACK:
                    data = self.memory.store.read(key, size, 8 * MIB)
                    if size == 0 and data[:4] == b"HFPK" and data[4:5] > b"\1":
                        raise TooNew(f"{key} has version {data[4]}")
                    whole.update(data)
                    size += len(data)
                check(whole.digest() == pack and size <= MAX_PACK, f"{key} is altered: its bytes have another SHA-256")
            self.packs[pack] = (size, found)
        return self.packs[pack]

    def snapshot(self, commit):
        """Everything that is wrong with a snapshot, as a list of exceptions."""
        memory, found, packs = self.memory, self.relations(commit), None
        used = collections.defaultdict(dict)  # pack -> offset of a frame -> stored length
        whole = set()  # packs of which the list counts every byte
        before = len(found)
        with noting(found):
            packs = memory.packs(commit)
        with noting(found):
            for page, _ in memory.root(commit)[0]:
                used[page.pack][page.at] = page.stored
            for entry in memory.entries(commit, found.append):
                whole.update(entry.packs)
                for reference in entry.references:
                    used[reference.pack][reference.at] = reference.stored
                key = sha256(repr(entry[3:]).encode())  # the same content in another snapshot is not read again
                if key not in self.contents:
                    self.contents[key] = []
                    with noting(self.contents[key], f"{shown(entry.path)}: "):
                        collections.deque(memory.content(entry), 0)  # read it all
                found += self.contents[key]
        return found + self.pack_list(commit, packs, used, whole, len(found) == before)

    def pack_list(self, commit, packs, used, whole, complete):
        """What is wrong with a snapshot's packs and with the list of them."""
        needed = (used.keys() | whole) - {commit.pack}
        if packs is None:  # without its list, at least the packs that were found
            return [error for pack in sorted(needed | {commit.pack}) for error in self.pack(pack)[1]]
        found = [Damaged(f"the pack list lacks pack {pack.hex()}, which is needed") for pack in needed - packs.keys()]
        if packs.pop(ZERO, None) != (0, 0):
            found.append(Damaged("the pack list does not name its own pack as it should"))
        for pack, (size, in_use) in [(commit.pack, (commit.pack_size, 0))] + sorted(packs.items()):
            real, errors = self.pack(pack)
            found += errors or [Damaged(f"pack {pack.hex()} has {real} bytes, not {size}")] * (real != size)
            expected = size if pack in whole else sum(used.get(pack, {}).values())
            if complete and pack != commit.pack and (pack not in needed or in_use != expected):
                found.append(Damaged(f"{expected} bytes of pack {pack.hex()} are in use, not {in_use}"))
        return found

    def relations(self, commit):
        """What is wrong between a commit and those to which it refers."""
        memory, links = self.memory, dict(commit.parents + commit.sides)
        wrong = [memory.impostor(commit.name)] if memory.impostor(commit.name) else []
        wrong += [f"the parent or side {name} is not older" for name in links if number_of(name) >= commit.seq]
        wrong += [f"the side commit {name} is missing" for name, _ in commit.sides if name not in memory.names]
        for name in commit.names.keys() & set(memory.names):  # the others were pruned
            memory.peek(name)
            known = commit.names[name] | ({links[name]} if name in links else set())
            if not all(memory.ids.get(name, digits).startswith(digits) for digits in known):
                wrong.append(f"commit {name} was replaced: it is not the one to which {commit.what} refers")
        numbers = [number_of(name) for name in commit.ancestors]
        if len(numbers) > 100 or numbers != sorted(numbers, reverse=True) or max(numbers, default=0) > commit.seq:
            wrong.append("the ancestors are not the newest hundred in their order")
        if not commit.old:  # in format 1, names have no hashes and prove nothing
            read = {name: memory.peek(name) for name in links if name in memory.names}
            read = {name: link for name, link in read.items() if isinstance(link, Commit) and not link.old}
            first = read.get(commit.parents[0][0]) if commit.parents else None
            if first and first.memory != commit.memory:
                wrong.append("the memory id is not that of the first parent")
            # What parents and sides contain, the commit contains, too; and nothing else, where that can be known.
            oldest = numbers[-1] if len(numbers) >= 100 else 0
            contained = {name for link in read.values() for name in link.ancestors} | links.keys()
            wrong += [f"the ancestors lack {name}, which a parent or side contains"
                      for name in contained - commit.ancestors.keys() if number_of(name) > oldest]
            for name in commit.ancestors.keys() - contained:
                above, identity = [n for n in links if number_of(n) > number_of(name)], commit.ancestors[name]
                if all(n in read and memory.contains(read[n], name, identity) is False for n in above):
                    wrong.append(f"the ancestors name {name}, to which no parent or side leads")
        return [Damaged(message) for message in sorted(wrong)]

def verify(memory, name, options):
    """Check one snapshot or all of them; returns the exit code."""
    verifier, problems = Verifier(memory), []
    for name in memory.names if options.all else [name]:
        try:
            commit = memory.commit(name)
            label = f"snapshot {commit.id[:12]} ({shown(commit.time)})"
            found = verifier.snapshot(commit)
        except (Damaged, Refused, TooNew) as error:
            label, found = f"commit {name}", [error]
        if found:
            print(f"{label} is " + ("DAMAGED:" if any(isinstance(e, Damaged) for e in found) else "NOT VERIFIED:"))
        else:
            print(f"{label} is whole: {commit.files} files, {commit.bytes} bytes")
        for message in dict.fromkeys(map(str, found)):
            print("  " + message)
        sys.stdout.flush()
        problems += found
    if options.all:
        packs = {name: re.fullmatch("([0-9a-f]{2})/(\\1[0-9a-f]{62})", name) for name in memory.store.names("packs")}
        for other in ["commits/" + n for n in memory.others] + ["packs/" + n for n in packs if not packs[n]]:
            warn(f"{shown(other)} is ignored: that is no name of a commit or pack.")
        unused = sum(bool(match) and bytes.fromhex(match.group(2)) not in verifier.packs for match in packs.values())
        if unused:
            print(f"{unused} packs belong to no snapshot that could be read; they were not checked.")
    return DAMAGE if any(isinstance(error, Damaged) for error in problems) else ERROR if problems else OK

def restore(memory, name, options):
    """Write the files of a snapshot, all or nothing; returns the exit code."""
    target = os.path.abspath(options.to)
    parent = os.path.dirname(target)
    if os.path.lexists(target) and (os.path.islink(target) or not os.path.isdir(target) or os.listdir(target)):
        raise ReaderError(f"{shown(target)} exists and is not an empty directory. Choose another one.")
    if isinstance(memory.store, Directory):
        real = os.path.join(os.path.realpath(parent), os.path.basename(target), "")
        if real.startswith(os.path.join(os.path.realpath(memory.store.path), "")):
            raise ReaderError(f"{shown(target)} lies in the memory, to which nothing may be written.")
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ReaderError(f"cannot make the directory {shown(parent)}: {error.strerror}.")
    passed = []
    for name in memory.candidates() if name is None else [name]:
        try:
            commit = memory.commit(name)
            check(not memory.impostor(name), memory.impostor(name))
            memory.root(commit)  # which confirms the sums
            if shutil.disk_usage(parent).free < commit.bytes:
                raise ReaderError(f"{shown(parent)} has too little space: the files have {commit.bytes} bytes.")
            with tempfile.TemporaryDirectory(prefix=".holdfast-restore-", dir=parent) as stage:
                files = os.path.join(stage, "files")
                os.mkdir(files, 0o700)
                write_files(memory, commit, files)
                if os.name == "nt" and os.path.isdir(target):
                    os.rmdir(target)  # elsewhere a rename replaces an empty directory
                os.rename(files, target)
        except Damaged as error:
            passed.append(f"snapshot {memory.ids.get(name, name)[:20]}: {shown(error)}")
            continue
        except Refused as error:  # it may be whole, so an older one takes its place only if somebody asks for that
            raise ReaderError(f"snapshot {memory.ids.get(name, name)[:20]}: {shown(error)}. Nothing was restored. Get "
                              "the permission to read it, or run `list` and take an older snapshot with --at.")
        except OSError as error:
            raise ReaderError(f"cannot write {shown(target)}: {shown(error)}. Nothing was restored.")
        if passed:
            warn("WARNING: THE NEWEST SNAPSHOT IS NOT WHOLE. Passed over:\n  " + "\n  ".join(passed))
            warn(f"WARNING: what was restored is OLDER: snapshot {commit.id[:12]} of {shown(commit.time)}.")
        print(f"restored snapshot {commit.id[:12]} ({shown(commit.time)}) to {shown(target)}: "
              f"{commit.files} files, {commit.bytes} bytes")
        if os.path.isdir(os.path.join(target, "@data")):
            print("@data holds databases. They belong beside the agent's storage directory, not into it: stop the "
                  "agent,\ndelete NAME-wal and NAME-shm there, then move each @data/NAME beside the directory as NAME.")
        return OK
    warn("nothing was restored:\n  " + "\n  ".join(passed) + "\n" + (
        "Run `restore` without --at to get the newest snapshot that is whole." if options.at else
        "No snapshot could be read and found whole. `verify --all` says what is damaged."))
    return DAMAGE

def write_files(memory, commit, stage):
    """Write the files of a snapshot to an empty directory of our own, and verify each of them."""
    top, made = os.fsencode(stage), set()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    for entry in memory.entries(commit, raise_error):
        path = os.path.join(top, *entry.path.split(b"/"))
        if os.path.dirname(path) not in made:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            made.add(os.path.dirname(path))
        try:
            with open(os.open(path, flags, 0o600), "wb") as file:
                for data in memory.content(entry):
                    file.write(data)
        except (Damaged, Refused) as error:
            raise type(error)(f"{shown(entry.path)}: {error}")
        except FileExistsError:
            raise ReaderError(f"the file system cannot tell {shown(entry.path)} from another name: use one that can.")
        os.chmod(path, (entry.mode & 0o700) | 0o600)
        # A database gets a time that is some seconds old, so that its next write shows; a file gets its own.
        stamp = time.time_ns() - 10 * 10 ** 9 if entry.path.startswith(b"@data/") else entry.time
        try:
            os.utime(path, ns=(stamp, stamp))
        except (OSError, OverflowError):
            warn(f"note: the time of {shown(entry.path)} could not be set.")


# ----------------------------------------------------------------------------------------------------- command line

HELP = """\
MEMORY is a directory that holds `commits` and `packs`, for instance /store/opencode-storage/github/owner-repo, or
s3://BUCKET/PREFIX/AGENT/OWNER-REPO. A memory that was copied out of a bucket with any tool is such a directory, too.

S3 takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the section AWS_PROFILE (`default`) of
~/.aws/credentials; the region from AWS_REGION or AWS_DEFAULT_REGION; the endpoint from --endpoint-url,
AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL; and an authority for https from AWS_CA_BUNDLE.

SNAPSHOT is `latest`, `latest~N` (N first parents back) or at least four digits of an id.
Without --at, `restore` takes the newest snapshot that is whole and says which it passed over.

exit codes: 0 done; 1 error, also refused access and a format that is too new; 2 damage was found; 64 wrong usage"""

def arguments(argv):
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="holdfast-reader.py", description=__doc__[:__doc__.index("How the file")],
                                     epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands, made = parser.add_subparsers(dest="command", metavar="list|verify|restore", required=True), {}
    for name, text in (("list", "list all snapshots, or with --at the files of one"),
                       ("verify", "read and check every byte of a snapshot (the newest, --at) or of --all"),
                       ("restore", "write the files of a snapshot to a new directory, all or nothing")):
        made[name] = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made[name].add_argument("memory", metavar="MEMORY", help="a directory, or s3://BUCKET/PREFIX/AGENT/OWNER-REPO")
        made[name].add_argument("--at", metavar="SNAPSHOT", help="`latest`, `latest~N` or the beginning of an id")
        made[name].add_argument("--endpoint-url", metavar="URL", help="the S3 service, if it is not AWS")
    made["list"].add_argument("--all", action="store_true", help="show side commits, too")
    made["list"].add_argument("--json", action="store_true", help="print JSON")
    made["verify"].add_argument("--all", action="store_true", help="verify all snapshots")
    made["restore"].add_argument("--to", metavar="DIR", required=True, help="a new or empty directory, to be written")
    try:
        options = parser.parse_args(argv)
        if options.command == "verify" and options.all and options.at is not None:
            made["verify"].error("--all and --at exclude each other")
        return options
    except SystemExit as end:  # argparse has said what is wrong; its code for that is 2, which means damage here
        sys.exit(USAGE if end.code else OK)

def run(argv):
    """Do what the command line asks for; returns the exit code."""
    options = arguments(argv)
    place = options.memory
    if place.startswith("s3://"):
        memory = Memory(Bucket(place, options.endpoint_url))
    else:
        memory = Memory(Directory(place[len("file://"):] if place.startswith("file://") else place))
    if options.command == "list" and options.at is None:
        return list_snapshots(memory, options)
    if options.command == "restore":
        return restore(memory, None if options.at is None else memory.choose(options.at), options)
    name = None if options.command == "verify" and options.all else memory.choose(options.at or "latest")
    return list_files(memory, name, options) if options.command == "list" else verify(memory, name, options)

def main():
    """Run the program, and turn every way to fail into a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    os.umask(0o077)  # what is restored may be private
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that cleans up
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
        return code
    except Damaged as error:
        warn(f"damaged: {error}.")
        return DAMAGE
    except Refused as error:
        warn(f"{error}. What it holds is unknown; use credentials that may read it.")
    except ReaderError as error:
        warn(f"error: {error}")
    except BrokenPipeError:  # who read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, MemoryError) as error:
        warn(f"error: {shown(error) or 'out of memory'}.")
    except KeyboardInterrupt:
        warn("interrupted. A restore that was not finished leaves nothing behind.")
        return 130
    return ERROR

if __name__ == "__main__":
    sys.exit(main())
