/* What readers as browsers make of what they get. */
#ifndef BENCH_WEB_H
#define BENCH_WEB_H

#include "load.h"

void take_encrypted(struct load *load, struct reader *r, const uint8_t *head, uint32_t bytes,
                    uint64_t now);
uint32_t walk_websocket(struct load *load, struct reader *r, const uint8_t *from, uint32_t bytes,
                        uint64_t now, uint64_t *taken);

#endif
