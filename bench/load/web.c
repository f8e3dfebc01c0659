/* Readers as browsers: packets that are encrypted, and fragments on a WebSocket. */
#define _GNU_SOURCE
#include "web.h"

#define MAGIC_WITHIN 1024u
#define OPCODE_BINARY 2
#define OPCODE_CLOSE 8
#define BEHIND 0x8000u

/* Counts a packet by its number, which is sent in clear (RFC 3711 3.1); the types of RTCP are told
 * by the second byte (RFC 5761 4), and what begins lower is STUN or DTLS (RFC 7983 7). */
void take_encrypted(struct load *load, struct reader *r, const uint8_t *head, uint32_t bytes,
                    uint64_t now) {
    if (bytes < RTP_HEADER_BYTES || head[0] < 128 || (head[1] >= 192 && head[1] < 224)) {
        r->other_packets++;
        return;
    }
    uint32_t sequence = (uint32_t)head[2] << 8 | head[3];
    if (r->received == 0) {
        r->first_packet_ns = now;
    } else {
        uint32_t moved = (sequence - r->last_sequence) & 0xffffu;
        if (moved == 0 || moved >= BEHIND) {
            r->repeated++;
            return;
        }
        r->missing += moved - 1u;
    }
    r->last_sequence = sequence;
    r->received++;
    r->bytes += bytes;
    if (now >= load->window_from_ns && now < load->window_to_ns) r->in_window++;
}

/* Looks at one fragment of MP4: the stamp is in the first bytes of the picture. */
static void take_fragment(struct load *load, struct reader *r, const uint8_t *from, uint64_t bytes,
                          uint64_t now) {
    static const uint32_t magic = STAMP_MAGIC;
    struct stamp s;
    const uint8_t *at =
        memmem(from, bytes < MAGIC_WITHIN ? bytes : MAGIC_WITHIN, &magic, sizeof magic);
    if (!at || (uint64_t)(at - from) + sizeof s > bytes) {
        r->damaged++;
        return;
    }
    memcpy(&s, at, sizeof s);
    stamp_mask(&s);
    if (r->received == 0) {
        r->first_packet_ns = now;
        r->first_sent_ns = s.sent_ns;
    } else if (s.frame > r->last_index) {
        r->missing += s.frame - r->last_index - 1u;
    } else {
        r->repeated++;
        return;
    }
    r->last_index = s.frame;
    r->received++;
    r->bytes += bytes;
    if (s.sent_ns >= load->window_from_ns && s.sent_ns < load->window_to_ns) {
        r->in_window++;
        histogram_add(&load->latency[r->group], (now - s.sent_ns) / 1000u, 1);
    }
}

/* Walks frames of WebSocket (RFC 6455 5.2), none of them masked; returns the bytes it used up. */
uint32_t walk_websocket(struct load *load, struct reader *r, const uint8_t *from, uint32_t bytes,
                        uint64_t now, uint64_t *taken) {
    uint32_t at = 0;
    while (bytes - at >= 2u) {
        const uint8_t *frame = from + at;
        uint32_t size_bytes = (frame[1] & 0x7f) == 127 ? 8 : (frame[1] & 0x7f) == 126 ? 2 : 0;
        uint32_t head = 2u + size_bytes;
        if (bytes - at < head) break;
        uint64_t length = size_bytes ? 0 : frame[1] & 0x7f;
        for (uint32_t i = 0; i < size_bytes; i++) length = length << 8 | frame[2 + i];
        if (bytes - at - head < length) break;
        int opcode = frame[0] & 0x0f;
        if (opcode == OPCODE_CLOSE) r->closed = 1;
        if (opcode == OPCODE_BINARY && length > 8 && !memcmp(frame + head + 4, "moof", 4)) {
            take_fragment(load, r, frame + head, length, now);
            ++*taken;
        } else {
            r->other_packets++;
        }
        at += head + (uint32_t)length;
    }
    return at;
}
