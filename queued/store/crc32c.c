/* SPDX-License-Identifier: ISC */
/*
 * CRC-32C: one instruction for eight bytes on x86-64 with SSE4.2 and on ARMv8
 * with the CRC extension, eight tables elsewhere.
 */
#include <endian.h>
#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#include <asm/hwcap.h>
#endif

#include "queued/store/crc32c.h"

#define POLY_REFLECTED 0x82f63b78U
#define SLICES	       8

typedef uint32_t crc_fn(uint32_t, const uint8_t *, size_t);

static uint32_t table[SLICES][256];

static void
table_make(void)
{
	uint32_t n, c;
	int k;

	for (n = 0; n < 256; n++) {
		c = n;
		for (k = 0; k < 8; k++)
			c = (c & 1) ? (c >> 1) ^ POLY_REFLECTED : c >> 1;
		table[0][n] = c;
	}
	for (n = 0; n < 256; n++)
		for (k = 1; k < SLICES; k++)
			table[k][n] = (table[k - 1][n] >> 8) ^
			    table[0][table[k - 1][n] & 0xff];
}

static uint32_t
by_table(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t w;

	if (table[0][1] == 0)
		table_make();
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		w = le64toh(w) ^ crc;
		crc = table[7][w & 0xff] ^ table[6][(w >> 8) & 0xff] ^
		    table[5][(w >> 16) & 0xff] ^ table[4][(w >> 24) & 0xff] ^
		    table[3][(w >> 32) & 0xff] ^ table[2][(w >> 40) & 0xff] ^
		    table[1][(w >> 48) & 0xff] ^ table[0][w >> 56];
	}
	for (; len > 0; p++, len--)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
by_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t c = crc, w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		c = __builtin_ia32_crc32di(c, w);
	}
	crc = (uint32_t)c;
	for (; len > 0; p++, len--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}

static int
has_hardware(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t
by_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		crc = __builtin_aarch64_crc32cx(crc, le64toh(w));
	}
	for (; len > 0; p++, len--)
		crc = __builtin_aarch64_crc32cb(crc, *p);
	return crc;
}

static int
has_hardware(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
static uint32_t
by_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
	return by_table(crc, p, len);
}

static int
has_hardware(void)
{
	return 0;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *data, size_t len)
{
	static crc_fn *fn;

	if (fn == NULL)
		fn = has_hardware() ? by_hardware : by_table;
	return ~fn(~crc, data, len);
}

uint32_t
crc32c_table(uint32_t crc, const void *data, size_t len)
{
	return ~by_table(~crc, data, len);
}
