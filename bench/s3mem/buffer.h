// Bytes that grow at the end.
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    char *bytes; // always followed by a NUL once something was added
    size_t size, capacity;
};

static inline void *checked(void *memory) {
    if (memory == NULL) {
        fputs("s3mem: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static inline void buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->size + more + 1 <= buffer->capacity) return;
    buffer->capacity = 2 * (buffer->size + more + 1);
    buffer->bytes = checked(realloc(buffer->bytes, buffer->capacity));
}

static inline void buffer_add(struct buffer *buffer, const void *bytes, size_t size) {
    buffer_reserve(buffer, size);
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    buffer->bytes[buffer->size] = 0;
}

static inline void buffer_text(struct buffer *buffer, const char *text) { buffer_add(buffer, text, strlen(text)); }

__attribute__((format(printf, 2, 3))) static inline void buffer_print(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size >= 0) buffer_add(buffer, checked(text), (size_t)size);
    free(text);
}

static inline void buffer_free(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
