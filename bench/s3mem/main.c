// s3mem: an S3 server that keeps everything in memory and checks no signature, so that what a benchmark measures is the
// client. One thread, loopback only.
//
// usage: s3mem [PORT]    prints the port that it listens on; without one the system chooses.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "s3.h"

#define HEAD_LIMIT (64 << 10)
#define BODY_LIMIT (1ul << 30)

struct connection {
    int socket;
    int waits_to_write;
    struct buffer in; // a head, or the begin of one
    int has_head;
    char *head; // what the request's fields point into
    struct request request;
    size_t body_received;
    struct response response;
    size_t sent;
};

static int poller;

static void close_connection(struct connection *connection) {
    close(connection->socket);
    buffer_free(&connection->in);
    buffer_free(&connection->response.head);
    if (connection->response.object) object_release(connection->response.object);
    free(connection->head);
    free(connection->request.body);
    free(connection);
}

static void watch(struct connection *connection, int to_write) {
    if (connection->waits_to_write == to_write) return;
    connection->waits_to_write = to_write;
    struct epoll_event event = {.events = EPOLLIN | (to_write ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->socket, &event);
}

// Sends what there is to send. 1: all is sent; 0: the socket is full; -1: the connection is broken.
static int send_response(struct connection *connection) {
    struct response *response = &connection->response;
    size_t whole = response->head.size + response->length;
    while (connection->sent < whole) {
        size_t head_sent = connection->sent < response->head.size ? connection->sent : response->head.size;
        size_t body_sent = connection->sent - head_sent;
        struct iovec pieces[2] = {
            {.iov_base = response->head.bytes + head_sent, .iov_len = response->head.size - head_sent},
            {.iov_base = response->object ? response->object->data + response->offset + body_sent : NULL,
             .iov_len = response->length - body_sent},
        };
        ssize_t count = writev(connection->socket, pieces, 2);
        if (count < 0 && errno == EAGAIN) {
            watch(connection, 1);
            return 0;
        }
        if (count < 0) return -1;
        connection->sent += (size_t)count;
    }
    if (response->object) object_release(response->object);
    response->head.size = 0;
    response->object = NULL;
    response->length = response->body_size = connection->sent = 0;
    watch(connection, 0);
    return 1;
}

// Splits a whole head into the request's fields. -1 if it is not HTTP or asks for what is not done here.
static int parse_head(struct connection *connection, size_t size) {
    struct request *request = &connection->request;
    char *head = connection->head = checked(strndup(connection->in.bytes, size));
    char *line_end = strstr(head, "\r\n");
    if (!line_end) return -1;
    *line_end = 0;
    *request = (struct request){.method = head, .headers = line_end + 2};
    char *target = strchr(head, ' '), *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || target[1] != '/') return -1;
    *target = *version = 0;
    request->path = target + 1;
    request->query = strchr(request->path, '?');
    if (request->query) *request->query++ = 0;
    percent_decode(request->path);

    char *length = header_value(request, "content-length"), *coding = header_value(request, "transfer-encoding");
    request->body_size = length ? strtoul(length, NULL, 10) : 0;
    int refused = coding != NULL || request->body_size > BODY_LIMIT;
    free(length);
    free(coding);
    if (refused) return -1;

    if (request->body_size > 0) {
        request->body = checked(malloc(request->body_size + 1));
        request->body[request->body_size] = 0;
    }
    char *expects = header_value(request, "expect");
    if (expects) buffer_text(&connection->response.head, "HTTP/1.1 100 Continue\r\n\r\n");
    free(expects);
    return 0;
}

// Takes what was received as far as it goes. -1 ends the connection.
static int advance(struct connection *connection) {
    while (1) {
        int sent = send_response(connection);
        if (sent <= 0) return sent;
        if (!connection->has_head) {
            char *end = connection->in.size ? memmem(connection->in.bytes, connection->in.size, "\r\n\r\n", 4) : NULL;
            if (!end) return connection->in.size > HEAD_LIMIT ? -1 : 0;
            size_t size = (size_t)(end - connection->in.bytes) + 2, rest = connection->in.size - size - 2;
            if (parse_head(connection, size) < 0) return -1;
            size_t taken = rest < connection->request.body_size ? rest : connection->request.body_size;
            if (taken > 0) memcpy(connection->request.body, end + 4, taken);
            memmove(connection->in.bytes, end + 4 + taken, rest - taken);
            connection->in.size = rest - taken;
            connection->body_received = taken;
            connection->has_head = 1;
            if (connection->response.head.size > 0) continue; // 100 Continue
        }
        if (connection->body_received < connection->request.body_size) return 0;
        s3_answer(&connection->request, &connection->response);
        free(connection->request.body);
        free(connection->head);
        connection->request = (struct request){0};
        connection->head = NULL;
        connection->has_head = 0;
    }
}

static ssize_t receive(struct connection *connection) {
    struct request *request = &connection->request;
    ssize_t count;
    if (connection->has_head && connection->body_received < request->body_size) {
        count = recv(connection->socket, request->body + connection->body_received,
                     request->body_size - connection->body_received, 0);
        if (count > 0) connection->body_received += (size_t)count;
    } else {
        buffer_reserve(&connection->in, 16 << 10);
        count = recv(connection->socket, connection->in.bytes + connection->in.size, 16 << 10, 0);
        if (count > 0) connection->in.size += (size_t)count;
    }
    return count;
}

static void serve(struct connection *connection) {
    if (connection->waits_to_write && advance(connection) < 0) {
        close_connection(connection);
        return;
    }
    while (!connection->waits_to_write) { // while an answer is stuck, nothing more is read
        ssize_t count = receive(connection);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0 || advance(connection) < 0) {
            close_connection(connection);
            return;
        }
    }
}

static void accept_all(int listener) {
    int socket, one = 1;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = checked(calloc(1, sizeof *connection));
        connection->socket = socket;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event);
    }
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(count > 1 ? (uint16_t)atoi(arguments[1]) : 0),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        perror("s3mem");
        return 1;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (1) {
        struct epoll_event events[256];
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.ptr)
                serve(events[i].data.ptr);
            else
                accept_all(listener);
    }
}
