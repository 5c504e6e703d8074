// The objects of all buckets, by "bucket/key", and the multipart uploads under way.
#pragma once

#include <stddef.h>
#include <time.h>

struct object {
    char *name; // "bucket/key"
    char *data;
    size_t size;
    char *metadata; // header lines to send with it, or NULL
    char etag[35];  // with its quotes
    time_t modified;
    int references; // an object stays in memory while it is sent, even if it is replaced meanwhile
    struct object *next;
};

struct object *store_find(const char *name);
// Takes over `data` (and `metadata`); both come from malloc.
struct object *store_put(const char *name, char *data, size_t size, char *metadata);
void store_remove(const char *name);
void store_remove_all(void);
size_t store_count(void);
void object_release(struct object *object);

// All objects in the order of their names' bytes, and where the first one not before `name` is.
struct object **store_sorted(size_t *count);
size_t store_position(const char *name);

struct part {
    char *data;
    size_t size;
};

struct upload {
    unsigned long identifier;
    char *name, *metadata;
    struct part *parts; // by number; 0 is not used
    int highest;
    struct upload *next;
};

struct upload *upload_start(const char *name, char *metadata);
struct upload *upload_find(unsigned long identifier);
void upload_put(struct upload *upload, int number, char *data, size_t size);
// All parts in their order as one object; the upload ends.
struct object *upload_complete(struct upload *upload);
void upload_abort(struct upload *upload);

// A fingerprint of the data between quotes. Not MD5: the client is what is measured, and an ETag is opaque to it.
void etag_of(const char *data, size_t size, char etag[35]);
