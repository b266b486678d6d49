/* SPDX-License-Identifier: ISC */
/*
 * CRC-32C (Castagnoli, RFC 3720 B.4), by the processor where it can.
 * Chained: crc32c(crc32c(0, a, n), b, m) is that of a and b together.
 */
#ifndef QUEUED_STORE_CRC32C_H
#define QUEUED_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *, size_t);
uint32_t crc32c_table(uint32_t crc, const void *, size_t); /* for tests */

#endif
