#define _GNU_SOURCE
#include "store.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

#define BUCKETS (1u << 17)

static struct object *table[BUCKETS];
static struct object **sorted;
static size_t object_count, sorted_count;
static int sorted_is_stale = 1;
static struct upload *uploads;
static unsigned long last_upload;

static uint32_t bucket_of(const char *name) { // FNV-1a
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % BUCKETS;
}

struct object *store_find(const char *name) {
    struct object *object = table[bucket_of(name)];
    while (object && strcmp(object->name, name) != 0) object = object->next;
    return object;
}

struct object *store_put(const char *name, char *data, size_t size, char *metadata) {
    store_remove(name);
    struct object *object = checked(calloc(1, sizeof *object));
    *object = (struct object){
        .name = checked(strdup(name)), .data = data, .size = size, .metadata = metadata,
        .modified = time(NULL), .references = 1, .next = table[bucket_of(name)],
    };
    etag_of(data, size, object->etag);
    table[bucket_of(name)] = object;
    object_count++;
    sorted_is_stale = 1;
    return object;
}

void store_remove(const char *name) {
    struct object **link = &table[bucket_of(name)];
    while (*link && strcmp((*link)->name, name) != 0) link = &(*link)->next;
    if (*link == NULL) return;
    struct object *object = *link;
    *link = object->next;
    object_count--;
    sorted_is_stale = 1;
    object_release(object);
}

void store_remove_all(void) {
    for (size_t i = 0; i < BUCKETS; i++)
        while (table[i]) store_remove(table[i]->name);
    while (uploads) upload_abort(uploads);
}

size_t store_count(void) { return object_count; }

void object_release(struct object *object) {
    if (--object->references > 0) return;
    free(object->name);
    free(object->data);
    free(object->metadata);
    free(object);
}

static int by_name(const void *left, const void *right) {
    return strcmp((*(struct object *const *)left)->name, (*(struct object *const *)right)->name);
}

struct object **store_sorted(size_t *count) {
    if (sorted_is_stale) {
        sorted = checked(realloc(sorted, (object_count + 1) * sizeof *sorted));
        sorted_count = 0;
        for (size_t i = 0; i < BUCKETS; i++)
            for (struct object *object = table[i]; object; object = object->next) sorted[sorted_count++] = object;
        qsort(sorted, sorted_count, sizeof *sorted, by_name);
        sorted_is_stale = 0;
    }
    *count = sorted_count;
    return sorted;
}

size_t store_position(const char *name) {
    size_t low = 0, high;
    struct object **all = store_sorted(&high);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(all[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct upload *upload_start(const char *name, char *metadata) {
    struct upload *upload = checked(calloc(1, sizeof *upload));
    upload->identifier = ++last_upload;
    upload->name = checked(strdup(name));
    upload->metadata = metadata;
    upload->next = uploads;
    return uploads = upload;
}

struct upload *upload_find(unsigned long identifier) {
    struct upload *upload = uploads;
    while (upload && upload->identifier != identifier) upload = upload->next;
    return upload;
}

void upload_put(struct upload *upload, int number, char *data, size_t size) {
    if (number > upload->highest) {
        upload->parts = checked(realloc(upload->parts, (size_t)(number + 1) * sizeof *upload->parts));
        memset(upload->parts + upload->highest + 1, 0, (size_t)(number - upload->highest) * sizeof *upload->parts);
        if (upload->highest == 0) upload->parts[0] = (struct part){0};
        upload->highest = number;
    }
    free(upload->parts[number].data);
    upload->parts[number] = (struct part){.data = data, .size = size};
}

struct object *upload_complete(struct upload *upload) {
    struct buffer whole = {0};
    size_t size = 0;
    for (int i = 1; i <= upload->highest; i++) size += upload->parts[i].size;
    buffer_reserve(&whole, size);
    for (int i = 1; i <= upload->highest; i++)
        if (upload->parts[i].data) buffer_add(&whole, upload->parts[i].data, upload->parts[i].size);
    struct object *object = store_put(upload->name, whole.bytes, whole.size, upload->metadata);
    upload->metadata = NULL;
    upload_abort(upload);
    return object;
}

void upload_abort(struct upload *upload) {
    struct upload **link = &uploads;
    while (*link != upload) link = &(*link)->next;
    *link = upload->next;
    for (int i = 1; i <= upload->highest; i++) free(upload->parts[i].data);
    free(upload->parts);
    free(upload->name);
    free(upload->metadata);
    free(upload);
}

void etag_of(const char *data, size_t size, char etag[35]) {
    const uint64_t prime = 0x9E3779B185EBCA87u;
    uint64_t first = size ^ prime, second = ~size;
    for (; size >= 16; data += 16, size -= 16) {
        uint64_t words[2];
        memcpy(words, data, sizeof words);
        first = (first ^ words[0]) * prime, first ^= first >> 29;
        second = (second ^ words[1]) * prime, second ^= second >> 29;
    }
    for (; size > 0; data++, size--) first = (first ^ (unsigned char)*data) * prime, second ^= first >> 31;
    snprintf(etag, 35, "\"%016lx%016lx\"", (unsigned long)first, (unsigned long)(second * prime));
}
