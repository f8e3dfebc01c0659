/* What the load reads of RTSP answers, and how a request is made from its template. */
#ifndef BENCH_RTSP_TEXT_H
#define BENCH_RTSP_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define SESSION_BYTES 128

static inline const char *find_header(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *at = head; at + length + 1 < end; at++)
        if (*at == '\n' && strncasecmp(at + 1, name, length) == 0) {
            at += 1 + length;
            while (*at == ' ') at++;
            return at;
        }
    return NULL;
}

/* One whole response or `$` frame at `from`: its bytes, 0 when more must come. */
static inline uint32_t whole_message(const uint8_t *from, uint32_t have, int *status) {
    *status = 0;
    if (have < 4) return 0;
    if (from[0] == '$') {
        uint32_t bytes = 4u + ((uint32_t)from[2] << 8 | from[3]);
        return bytes <= have ? bytes : 0;
    }
    const char *head = (const char *)from;
    const char *end = memmem(head, have, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *length = find_header(head, end, "content-length:");
    uint32_t bytes = (uint32_t)(end - head) + 4u + (length ? (uint32_t)atoi(length) : 0u);
    if (bytes > have) return 0;
    *status = atoi(head + 9);
    return bytes;
}

/* Keeps the id of the answer's Session header, when it has one. */
static inline void keep_session_id(char *session, const uint8_t *from, uint32_t bytes) {
    const char *head = (const char *)from;
    const char *id = find_header(head, head + bytes, "session:");
    if (!id) return;
    size_t length = strcspn(id, ";\r\n");
    if (length >= SESSION_BYTES) length = SESSION_BYTES - 1;
    memcpy(session, id, length);
    session[length] = 0;
}

/* Sends a template with every `@` replaced by the value; 0 when the socket did not take it whole. */
static inline int send_filled(int fd, const char *template, const char *value) {
    char request[2048];
    size_t at = 0, length = strlen(value);
    for (const char *from = template; *from && at + length + 1 < sizeof request; from++) {
        if (*from != '@') {
            request[at++] = *from;
            continue;
        }
        memcpy(request + at, value, length);
        at += length;
    }
    return send(fd, request, at, MSG_NOSIGNAL) == (ssize_t)at;
}

#endif
