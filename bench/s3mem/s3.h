// What S3 answers to one request.
#pragma once

#include <stddef.h>

#include "buffer.h"
#include "store.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

struct request {
    char *method;
    char *path;    // decoded, begins with a slash
    char *query;   // as it was sent, without the question mark
    char *headers; // lines that end in CR LF
    char *body;    // from malloc; whoever keeps it sets this to NULL
    size_t body_size;
};

struct response {
    struct buffer head;    // status line, headers, and a body that is not an object's
    struct object *object; // what follows, with one reference more, or NULL
    size_t offset, length; // of the object's bytes
    size_t body_size;      // of either body
};

void s3_answer(struct request *request, struct response *response);

// http.c

int is(const struct request *request, const char *method);
// The value of a header or of a decoded query item in a string from malloc, or NULL.
char *header_value(const struct request *request, const char *name);
char *query_value(const struct request *request, const char *name);
// Decodes %XX in place.
void percent_decode(char *text);
// Answers with a body of its own or none; `headers` are whole lines.
void reply(const struct request *request, struct response *response, int status, const char *headers,
           const struct buffer *body);
void refuse(const struct request *request, struct response *response, int status, const char *code);
void add_xml(struct buffer *buffer, const char *text);
void add_key(struct buffer *buffer, const char *key, int url_encoded);

// listing.c: GET of a bucket, and DeleteObjects

void about_bucket(const struct request *request, struct response *response, const char *bucket);
void remove_many(const struct request *request, struct response *response, const char *bucket);
