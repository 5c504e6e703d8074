#define _GNU_SOURCE
#include "s3.h"

#include <stdlib.h>
#include <string.h>

// ListObjectsV2. A continuation token is the last key or common prefix of the page before.
static void list(const struct request *request, struct response *response, const char *bucket) {
    char *prefix = query_value(request, "prefix"), *delimiter = query_value(request, "delimiter");
    char *token = query_value(request, "continuation-token"), *start = query_value(request, "start-after");
    char *limit_text = query_value(request, "max-keys"), *encoding = query_value(request, "encoding-type");
    int url_encoded = encoding && strcmp(encoding, "url") == 0;
    int limit = limit_text ? atoi(limit_text) : 1000, count = 0, truncated = 0;
    if (limit > 1000 || limit < 0) limit = 1000;
    if (delimiter && *delimiter == 0) free(delimiter), delimiter = NULL;
    const char *after = token ? token : start ? start : "";

    struct buffer whole = {0}, contents = {0}, prefixes = {0}, last = {0}, common = {0};
    buffer_print(&whole, "%s/%s", bucket, prefix ? prefix : "");
    size_t key_offset = strlen(bucket) + 1, prefix_size = whole.size, total;
    size_t position = store_position(whole.bytes);
    buffer_text(&common, after); // a page that ended with a common prefix goes on behind all of its keys
    if (*after) {
        struct buffer name = {0};
        buffer_print(&name, "%s/%s", bucket, after);
        size_t behind = store_position(name.bytes);
        if (behind > position) position = behind;
        buffer_free(&name);
    }
    struct object **all = store_sorted(&total);
    for (; position < total && strncmp(all[position]->name, whole.bytes, prefix_size) == 0; position++) {
        const struct object *object = all[position];
        const char *key = object->name + key_offset;
        if (*after && strcmp(key, after) <= 0) continue;
        const char *cut = delimiter ? strstr(object->name + prefix_size, delimiter) : NULL;
        size_t size = cut ? (size_t)(cut + strlen(delimiter) - key) : strlen(key);
        if (cut && common.size == size && memcmp(common.bytes, key, size) == 0) continue;
        if (count == limit) {
            truncated = 1;
            break;
        }
        count++;
        last.size = 0;
        buffer_add(&last, key, size);
        if (cut) {
            common.size = 0;
            buffer_add(&common, key, size);
            buffer_text(&prefixes, "<CommonPrefixes><Prefix>");
            add_key(&prefixes, common.bytes, url_encoded);
            buffer_text(&prefixes, "</Prefix></CommonPrefixes>");
        } else {
            char modified[40];
            strftime(modified, sizeof modified, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&object->modified));
            buffer_text(&contents, "<Contents><Key>");
            add_key(&contents, key, url_encoded);
            buffer_print(&contents, "</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%zu</Size></Contents>",
                         modified, object->etag, object->size);
        }
    }

    struct buffer body = {0};
    buffer_text(&body, XML "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    buffer_print(&body, "<Name>%s</Name><Prefix>", bucket);
    add_key(&body, prefix ? prefix : "", url_encoded);
    buffer_print(&body, "</Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys>", count, limit);
    buffer_print(&body, "<IsTruncated>%s</IsTruncated>", truncated ? "true" : "false");
    if (url_encoded) buffer_text(&body, "<EncodingType>url</EncodingType>");
    if (truncated && last.size > 0) {
        buffer_text(&body, "<NextContinuationToken>");
        add_xml(&body, last.bytes); // a token is opaque, so it is not URL-encoded
        buffer_text(&body, "</NextContinuationToken>");
    }
    if (contents.size > 0) buffer_add(&body, contents.bytes, contents.size);
    if (prefixes.size > 0) buffer_add(&body, prefixes.bytes, prefixes.size);
    buffer_text(&body, "</ListBucketResult>");
    reply(request, response, 200, "", &body);
    struct buffer *buffers[] = {&whole, &contents, &prefixes, &last, &common, &body};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) buffer_free(buffers[i]);
    char *values[] = {prefix, delimiter, token, start, limit_text, encoding};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) free(values[i]);
}

// Questions about a bucket that have one answer. Returns whether it was one.
static int describe(const struct request *request, struct response *response) {
    static const struct { const char *query, *answer; } known[] = {
        {"location", XML "<LocationConstraint/>"},
        {"versioning", XML "<VersioningConfiguration/>"},
        {"uploads", XML "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char *value = query_value(request, known[i].query);
        if (!value) continue;
        struct buffer body = {0};
        buffer_text(&body, known[i].answer);
        reply(request, response, 200, "", &body);
        buffer_free(&body);
        free(value);
        return 1;
    }
    return 0;
}

void about_bucket(const struct request *request, struct response *response, const char *bucket) {
    if (!describe(request, response)) list(request, response, bucket);
}

static void undo_xml(char *text) {
    static const struct { const char *entity; char character; } entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''},
    };
    char *out = text;
    while (*text) {
        size_t i = 0, known = sizeof entities / sizeof *entities;
        while (i < known && strncmp(text, entities[i].entity, strlen(entities[i].entity)) != 0) i++;
        *out++ = i < known ? entities[i].character : *text;
        text += i < known ? strlen(entities[i].entity) : 1;
    }
    *out = 0;
}

void remove_many(const struct request *request, struct response *response, const char *bucket) {
    struct buffer body = {0};
    buffer_text(&body, XML "<DeleteResult>");
    char *rest = request->body, *begin, *end;
    while (rest && (begin = strstr(rest, "<Key>")) && (end = strstr(begin, "</Key>"))) {
        struct buffer name = {0};
        *end = 0;
        undo_xml(begin + strlen("<Key>"));
        buffer_print(&name, "%s/%s", bucket, begin + strlen("<Key>"));
        store_remove(name.bytes);
        buffer_text(&body, "<Deleted><Key>");
        add_xml(&body, begin + strlen("<Key>"));
        buffer_text(&body, "</Key></Deleted>");
        buffer_free(&name);
        rest = end + 1;
    }
    buffer_text(&body, "</DeleteResult>");
    reply(request, response, 200, "", &body);
    buffer_free(&body);
}
