/*
 * crc32c: the CRC-32C (Castagnoli) of bytes.  Finds damage, not malice.
 */
#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <stdint.h>

#include "util/sv.h"

/* By the instructions of the processor where it has them. */
uint32_t crc32c_bytes(struct sv s);
/* The same by table. */
uint32_t crc32c_portable(struct sv s);

#endif
