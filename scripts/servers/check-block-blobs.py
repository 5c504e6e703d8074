"""usage: check-block-blobs.py UPLOAD_URL DOWNLOAD_URL FILE COPY

Uploads FILE in blocks and fetches it again into COPY, both through signed addresses, with Azure's own client: it tells
whether a blob service behaves as that client expects. Prints one line of JSON: how many blocks there were.
"""

import base64
import json
import sys
import uuid

from azure.storage.blob import BlobBlock, BlobClient

BLOCK = 64 * 1024


def main(upload: str, download: str, source: str, copy: str) -> None:
    client = BlobClient.from_blob_url(upload)
    blocks = []
    with open(source, "rb") as file:
        pieces = list(iter(lambda: file.read(BLOCK), b""))
    # The last block first: their order is that of the list.
    for piece in reversed(pieces):
        name = base64.b64encode(uuid.uuid4().bytes).decode()
        client.stage_block(name, piece)
        blocks.insert(0, BlobBlock(block_id=name))
    client.commit_block_list(blocks)
    client.close()

    reader = BlobClient.from_blob_url(download, max_single_get_size=BLOCK, max_chunk_get_size=BLOCK)
    with open(copy, "wb") as file:
        reader.download_blob(max_concurrency=4).readinto(file)
    size = reader.get_blob_properties().size
    reader.close()
    print(json.dumps({"blocks": len(blocks), "size": size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
