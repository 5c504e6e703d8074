#define _GNU_SOURCE
#include "s3.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// What crossed the wire since the last reset.
static unsigned long requests, bytes_in, bytes_out;

static int matches(const char *condition, const struct object *object) {
    return object && (strcmp(condition, "*") == 0 || strstr(condition, object->etag));
}

// Whether If-Match and If-None-Match allow the request.
static int allowed(const struct request *request, const struct object *object) {
    char *match = header_value(request, "if-match"), *none = header_value(request, "if-none-match");
    int result = (!match || matches(match, object)) && (!none || !matches(none, object));
    free(match);
    free(none);
    return result;
}

// The header lines that come back with the object.
static char *metadata_of(const struct request *request) {
    struct buffer lines = {0};
    for (const char *line = request->headers; *line;) {
        const char *end = strstr(line, "\r\n");
        size_t size = end ? (size_t)(end - line) + 2 : strlen(line);
        if (strncasecmp(line, "x-amz-meta-", 11) == 0 || strncasecmp(line, "content-type:", 13) == 0)
            buffer_add(&lines, line, size);
        line += size;
    }
    return lines.bytes;
}

static char *take_body(struct request *request) {
    char *body = request->body ? request->body : checked(malloc(1));
    request->body = NULL;
    return body;
}

static void reply_etag(const struct request *request, struct response *response, const char *etag) {
    char line[64];
    snprintf(line, sizeof line, "ETag: %s\r\n", etag);
    reply(request, response, 200, line, NULL);
}

static void put(struct request *request, struct response *response, const char *name) {
    char *identifier = query_value(request, "uploadId"), *number_text = query_value(request, "partNumber");
    char *source = header_value(request, "x-amz-copy-source");
    if (source) {
        refuse(request, response, 501, "NotImplemented");
    } else if (identifier) {
        struct upload *upload = upload_find(strtoul(identifier, NULL, 10));
        int number = number_text ? atoi(number_text) : 0;
        if (!upload) {
            refuse(request, response, 404, "NoSuchUpload");
        } else if (number < 1 || number > 10000) {
            refuse(request, response, 400, "InvalidArgument");
        } else {
            char etag[35];
            etag_of(request->body, request->body_size, etag);
            upload_put(upload, number, take_body(request), request->body_size);
            reply_etag(request, response, etag);
        }
    } else if (!allowed(request, store_find(name))) {
        refuse(request, response, 412, "PreconditionFailed");
    } else {
        struct object *object = store_put(name, take_body(request), request->body_size, metadata_of(request));
        reply_etag(request, response, object->etag);
    }
    free(source);
    free(identifier);
    free(number_text);
}

static void post(struct request *request, struct response *response, const char *name, const char *key) {
    char *begins = query_value(request, "uploads"), *identifier = query_value(request, "uploadId");
    struct buffer body = {0};
    if (begins) {
        struct upload *upload = upload_start(name, metadata_of(request));
        buffer_text(&body, XML "<InitiateMultipartUploadResult><Key>");
        add_xml(&body, key);
        buffer_print(&body, "</Key><UploadId>%lu</UploadId></InitiateMultipartUploadResult>", upload->identifier);
        reply(request, response, 200, "", &body);
    } else if (identifier && upload_find(strtoul(identifier, NULL, 10))) {
        if (allowed(request, store_find(name))) {
            struct object *object = upload_complete(upload_find(strtoul(identifier, NULL, 10)));
            buffer_print(&body, XML "<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>",
                         object->etag);
            reply(request, response, 200, "", &body);
        } else {
            refuse(request, response, 412, "PreconditionFailed");
        }
    } else {
        refuse(request, response, 404, "NoSuchUpload");
    }
    buffer_free(&body);
    free(begins);
    free(identifier);
}

// The first and last byte asked for; 0 if there is no range, -1 if it lies outside.
static int range_of(const struct request *request, size_t size, size_t *first, size_t *last) {
    char *text = header_value(request, "range");
    int result = 0;
    *first = 0, *last = size - 1;
    if (text && strncmp(text, "bytes=", 6) == 0 && size > 0) {
        char *dash = strchr(text, '-');
        result = 1;
        if (dash == text + 6) {
            size_t tail = strtoul(dash + 1, NULL, 10);
            *first = tail < size ? size - tail : 0;
        } else if (dash) {
            *first = strtoul(text + 6, NULL, 10);
            if (isdigit((unsigned char)dash[1])) *last = strtoul(dash + 1, NULL, 10);
        }
        if (*last >= size) *last = size - 1;
        if (*first > *last) result = -1;
    }
    free(text);
    return result;
}

static void get(const struct request *request, struct response *response, const char *name) {
    struct object *object = store_find(name);
    size_t first, last;
    if (!object) {
        refuse(request, response, 404, "NoSuchKey");
        return;
    }
    if (!allowed(request, object)) {
        char *none = header_value(request, "if-none-match");
        none ? reply(request, response, 304, "", NULL) : refuse(request, response, 412, "PreconditionFailed");
        free(none);
        return;
    }
    int partial = range_of(request, object->size, &first, &last);
    if (partial < 0) {
        refuse(request, response, 416, "InvalidRange");
        return;
    }
    size_t length = object->size ? last - first + 1 : 0;
    char modified[40];
    strftime(modified, sizeof modified, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&object->modified));
    buffer_print(&response->head, "HTTP/1.1 %s\r\nServer: s3mem\r\nx-amz-request-id: 1\r\nAccept-Ranges: bytes\r\n",
                 partial ? "206 Partial Content" : "200 OK");
    buffer_print(&response->head, "ETag: %s\r\nLast-Modified: %s\r\nContent-Length: %zu\r\n%s", object->etag, modified,
                 length, object->metadata ? object->metadata : "");
    if (partial) buffer_print(&response->head, "Content-Range: bytes %zu-%zu/%zu\r\n", first, last, object->size);
    buffer_text(&response->head, "\r\n");
    if (is(request, "GET") && length > 0) {
        object->references++;
        response->object = object, response->offset = first, response->length = length;
        response->body_size = length;
    }
}

static void remove_one(const struct request *request, struct response *response, const char *name) {
    char *identifier = query_value(request, "uploadId");
    struct upload *upload = identifier ? upload_find(strtoul(identifier, NULL, 10)) : NULL;
    if (upload)
        upload_abort(upload);
    else if (!identifier)
        store_remove(name);
    reply(request, response, 204, "", NULL);
    free(identifier);
}

// `GET /_stats`, and `/_wipe` which empties the store and the counters as well.
static void statistics(const struct request *request, struct response *response) {
    struct buffer body = {0};
    buffer_print(&body, "{\"requests\": %lu, \"bytesIn\": %lu, \"bytesOut\": %lu, \"objects\": %zu}\n", requests,
                 bytes_in, bytes_out, store_count());
    reply(request, response, 200, "", &body);
    if (strcmp(request->path, "/_wipe") == 0) {
        store_remove_all();
        requests = bytes_in = bytes_out = 0;
    }
    buffer_free(&body);
}

// Takes the frames of aws-chunked (size;chunk-signature=… CR LF bytes CR LF) off a body, in place. Signatures are not looked at.
// Returns 0 if it is not framed like that.
static int unframe(struct request *request) {
    char *from = request->body, *to = request->body, *end = from ? from + request->body_size : NULL;
    while (from && from < end) {
        char *rest;
        size_t size = strtoul(from, &rest, 16);
        char *data = memchr(rest, '\n', (size_t)(end - rest));
        if (rest == from || !data || size > (size_t)(end - ++data)) return 0;
        if (size == 0) {
            *to = 0;
            request->body_size = (size_t)(to - request->body);
            return 1;
        }
        memmove(to, data, size);
        to += size;
        from = data + size + 2;
    }
    return 0;
}

void s3_answer(struct request *request, struct response *response) {
    if (strncmp(request->path, "/_", 2) == 0) {
        statistics(request, response);
        return;
    }
    requests++;
    bytes_in += request->body_size;

    const char *name = request->path + 1;
    size_t bucket_size = strcspn(name, "/");
    const char *key = name + bucket_size + (name[bucket_size] == '/');
    struct buffer bucket = {0};
    buffer_add(&bucket, name, bucket_size);
    char *streaming = header_value(request, "x-amz-content-sha256");
    if (streaming && strncmp(streaming, "STREAMING-", 10) == 0 && !unframe(request))
        refuse(request, response, 400, "IncompleteBody");
    else if (*key == 0 && is(request, "GET"))
        about_bucket(request, response, bucket.bytes);
    else if (*key == 0 && is(request, "POST"))
        remove_many(request, response, bucket.bytes);
    else if (*key == 0)
        reply(request, response, is(request, "DELETE") ? 204 : 200, "", NULL);
    else if (is(request, "PUT"))
        put(request, response, name);
    else if (is(request, "POST"))
        post(request, response, name, key);
    else if (is(request, "GET") || is(request, "HEAD"))
        get(request, response, name);
    else if (is(request, "DELETE"))
        remove_one(request, response, name);
    else
        refuse(request, response, 501, "NotImplemented");
    bytes_out += response->body_size;
    free(streaming);
    buffer_free(&bucket);
}
