#define _GNU_SOURCE
#include "s3.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *reason(int status) {
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 404: return "Not Found";
    case 412: return "Precondition Failed";
    case 416: return "Range Not Satisfiable";
    default: return "Error";
    }
}

int is(const struct request *request, const char *method) { return strcmp(request->method, method) == 0; }

void reply(const struct request *request, struct response *response, int status, const char *headers,
           const struct buffer *body) {
    size_t size = body ? body->size : 0;
    char date[40];
    time_t now = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    buffer_print(&response->head, "HTTP/1.1 %d %s\r\nServer: s3mem\r\nDate: %s\r\nx-amz-request-id: 1\r\n%s", status,
                 reason(status), date, headers);
    if (status != 204 && status != 304) buffer_print(&response->head, "Content-Length: %zu\r\n", size);
    if (size > 0) buffer_text(&response->head, "Content-Type: application/xml\r\n");
    buffer_text(&response->head, "\r\n");
    if (size > 0 && !is(request, "HEAD")) {
        buffer_add(&response->head, body->bytes, size);
        response->body_size = size;
    }
}

void refuse(const struct request *request, struct response *response, int status, const char *code) {
    struct buffer body = {0};
    if (!is(request, "HEAD"))
        buffer_print(&body, XML "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code);
    reply(request, response, status, "", &body);
    buffer_free(&body);
}

void add_xml(struct buffer *buffer, const char *text) {
    for (; *text; text++) switch (*text) {
        case '&': buffer_text(buffer, "&amp;"); break;
        case '<': buffer_text(buffer, "&lt;"); break;
        case '>': buffer_text(buffer, "&gt;"); break;
        default: buffer_add(buffer, text, 1);
        }
}

void add_key(struct buffer *buffer, const char *key, int url_encoded) {
    if (!url_encoded) {
        add_xml(buffer, key);
        return;
    }
    for (; *key; key++)
        if (isalnum((unsigned char)*key) || strchr("-_.~/", *key))
            buffer_add(buffer, key, 1);
        else
            buffer_print(buffer, "%%%02X", (unsigned char)*key);
}

char *header_value(const struct request *request, const char *name) {
    size_t size = strlen(name);
    const char *end;
    for (const char *line = request->headers; (end = strstr(line, "\r\n")); line = end + 2)
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            line += size + 1;
            while (*line == ' ') line++;
            return checked(strndup(line, strcspn(line, "\r\n")));
        }
    return NULL;
}

char *query_value(const struct request *request, const char *name) {
    size_t size = strlen(name);
    for (const char *item = request->query; item && *item; item = strchr(item, '&') ? strchr(item, '&') + 1 : NULL)
        if (strncmp(item, name, size) == 0 && strchr("=&", item[size])) {
            const char *value = item + size + (item[size] == '=');
            char *text = checked(strndup(value, strcspn(value, "&")));
            percent_decode(text);
            return text;
        }
    return NULL;
}

void percent_decode(char *text) {
    char *out = text;
    for (; *text; text++)
        if (*text == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2])) {
            char digits[3] = {text[1], text[2], 0};
            *out++ = (char)strtol(digits, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    *out = 0;
}
