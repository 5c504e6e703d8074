#!/usr/bin/env python3
"""Measures in what a server differs from S3, and prints the answers as one JSON object.

usage: .venv/bin/python scripts/servers/probe.py URL BUCKET ACCESS_KEY SECRET_KEY PREFIX

The names are those of `ServerTraits` in Tests/TestSupport. Everything is done by signed raw requests below PREFIX.
"""

import datetime
import hashlib
import http.client
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock
from urllib.parse import quote, urlencode, urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

URL, BUCKET, ACCESS_KEY, SECRET_KEY, PREFIX = sys.argv[1:]
HOST = urlsplit(URL).netloc


class Answer:
    def __init__(self, response: http.client.HTTPResponse):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.ok = self.status < 300


def request(method, key="", body=b"", query=None, headers=None, secret=SECRET_KEY, payload_hash=None, clock=None):
    """One request for a key below PREFIX (for the bucket without a key), signed now or `clock` minutes from now."""
    path = f"/{BUCKET}" + (f"/{quote(PREFIX + '/' + key, safe='/~')}" if key else "")
    target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
    aws = AWSRequest(method, f"{URL}{target}", headers=dict(headers or {}), data=body)
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=clock or 0)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None)):
        signer = S3SigV4Auth(Credentials(ACCESS_KEY, secret), "s3", "us-east-1")
        signer.payload = lambda _: payload_hash or hashlib.sha256(body).hexdigest()
        signer.add_auth(aws)
    connection = http.client.HTTPConnection(HOST, timeout=30)
    try:
        connection.request(method, target, body, dict(aws.headers))
        return Answer(connection.getresponse())
    finally:
        connection.close()


def put(key, body=b"x", **options):
    return request("PUT", key, body, **options)


def listed(folder, **query):
    """The keys of one page below PREFIX/folder, as they are written in the answer."""
    answer = request("GET", query={"list-type": "2", "prefix": f"{PREFIX}/{folder}", **query})
    keys = re.findall(rb"<Key>(.*?)</Key>", answer.body)
    return [key.decode().removeprefix(f"{PREFIX}/{folder}") for key in keys], answer


def conditional_put():
    put("condition/taken")
    taken = put("condition/taken", headers={"If-None-Match": "*"}).status == 412
    changed = put("condition/taken", headers={"If-Match": '"0123456789abcdef0123456789abcdef"'}).status == 412
    with ThreadPoolExecutor(8) as pool:
        race = list(pool.map(lambda n: put("condition/race", b"%d" % n, headers={"If-None-Match": "*"}).ok, range(8)))
    return taken and changed and race.count(True) == 1


def conditional_get():
    put("condition/read")
    other = '"0123456789abcdef0123456789abcdef"'
    return request("GET", "condition/read", headers={"If-Match": other}).status == 412


def skewed_clock_refused():
    return all(put("clock", clock=minutes).status == 403 for minutes in (-20, 20))


def multipart():
    """Whether an upload in two parts, the last one short, reads back whole."""
    identifier = upload_id("parts/whole")
    tags = [part("parts/whole", identifier, number, body) for number, body in ((1, b"a" * (5 << 20)), (2, b"b"))]
    done = complete("parts/whole", identifier, enumerate(tags, 1))
    return done.ok and len(request("GET", "parts/whole").body) == (5 << 20) + 1


def small_part_refused():
    identifier = upload_id("parts/small")
    tags = [part("parts/small", identifier, number, b"small") for number in (1, 2)]
    return not complete("parts/small", identifier, enumerate(tags, 1)).ok


def upload_id(key):
    answer = request("POST", key, query={"uploads": ""})
    return re.search(rb"<UploadId>(.*?)</UploadId>", answer.body)[1].decode()


def part(key, identifier, number, body):
    return put(key, body, query={"partNumber": number, "uploadId": identifier}).headers["ETag"]


def complete(key, identifier, tags):
    parts = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in tags)
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    answer = request("POST", key, body, query={"uploadId": identifier})
    answer.ok = answer.ok and b"<Error>" not in answer.body
    return answer


def keeps(*keys):
    """Whether all these keys can be used at once, and are listed as they were written."""
    folder = "keys/" + hashlib.sha256(repr(keys).encode()).hexdigest()[:8] + "/"
    return all(put(folder + key).ok for key in keys) and sorted(listed(folder)[0]) == sorted(keys)


def listing_in_byte_order():
    for key in ("a-", "a/1", "b"):
        put("order/" + key)
    return listed("order/")[0] == ["a-", "a/1", "b"]


def pages_any_key():
    """Whether a listing goes on behind a key that is not ASCII."""
    keys = ["a", "z", "é", "日本"]
    for key in keys:
        put("pages/" + key)
    seen, token = [], {}
    while len(seen) <= len(keys):
        found, answer = listed("pages/", **{"max-keys": "1", **token})
        seen += found
        following = re.search(rb"<NextContinuationToken>(.*?)</NextContinuationToken>", answer.body)
        if not answer.ok or not following:
            break
        token = {"continuation-token": following[1].decode().replace("&amp;", "&")}
    return seen == keys


def delete_many_without_checksum():
    put("many")
    body = f"<Delete><Object><Key>{PREFIX}/many</Key></Object></Delete>".encode()
    return request("POST", body=body, query={"delete": ""}).ok


def wrong_checksum_refused():
    other = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="  # SHA-256 of "abc"
    return not put("checksum", headers={"x-amz-checksum-sha256": other}).ok


def encrypts():
    put("encrypted", headers={"x-amz-server-side-encryption": "AES256"})
    return request("HEAD", "encrypted").headers["x-amz-server-side-encryption"] == "AES256"


put("range", b"0123456789")
print(json.dumps({
    "honoursConditionalPut": conditional_put(),
    "honoursConditionalGet": conditional_get(),
    "answersRangeWith206": request("GET", "range", headers={"Range": "bytes=2-4"}).status == 206,
    "checksPayloadHash": not put("hash", payload_hash=hashlib.sha256(b"other").hexdigest()).ok,
    "checksChecksumHeader": wrong_checksum_refused(),
    "rejectsWrongSecret": put("secret", secret="wrong").status == 403,
    "rejectsSkewedClock": skewed_clock_refused(),
    "supportsMultipart": multipart(),
    "refusesSmallParts": small_part_refused(),
    "keepsEmptySegments": keeps("a//b", "/lead"),
    "keepsDotSegments": keeps("a/../b", "./c"),
    "keepsKeyBelowKey": keeps("ab", "ab/cd"),
    "listsInByteOrder": listing_in_byte_order(),
    "pagesNonASCIIKeys": pages_any_key(),
    "deletesManyWithoutChecksum": delete_many_without_checksum(),
    "encryptsOnRequest": encrypts(),
}))
