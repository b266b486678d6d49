/* SPDX-License-Identifier: ISC */
/*
 * A set of certificates with their keys, as posternd hands it to keyd: a memfd
 * with all seals.  posternd copies the files into it and reads none of them.
 * It begins with u32 KS_MAGIC and u32 number of entries; each entry is a
 * ks_entry, and so many bytes of the chain and of the key, both in PEM.
 *
 * Whether they are good, keyd says in a process of its own that lives for this
 * answer ("keyd -c", before a configuration is taken): a ks_check for each
 * entry, in order.
 */
#ifndef COMMON_MSG_KEY_SET_H
#define COMMON_MSG_KEY_SET_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"

#define KS_MAGIC     0x504b5331 /* PKS1 */
#define KS_HEAD_LEN  8
#define KS_ENTRY_LEN 12
#define KS_FILE_MAX  CONF_CHAIN_MAX /* a chain; a key is smaller */
#define KS_SIZE_MAX                                                            \
	(KS_HEAD_LEN + CONF_CERTS_MAX * (KS_ENTRY_LEN + 2UL * KS_FILE_MAX))

struct ks_entry {
	uint32_t uses; /* enum conf_cert_use */
	uint32_t chain_len, key_len;
};
int put_ks_entry(struct ibuf *, const struct ks_entry *);
int get_ks_entry(struct ibuf *, struct ks_entry *);

enum ks_verdict {
	KS_OK = 0,
	KS_NO_CERT,   /* no certificate in the file */
	KS_NO_KEY,    /* no private key in the file */
	KS_ENCRYPTED, /* the key asks for a passphrase */
	KS_KIND,      /* neither RSA of 2048 to 8192 bits nor ECDSA */
	KS_MISMATCH,  /* the key is not that of the certificate */
	KS_EXPIRED,
	KS_NOT_YET, /* it is not valid yet */
	KS_MAX
};

struct ks_check {
	enum ks_verdict verdict;
	bool loose; /* the second certificate is not the issuer of the first */
	uint64_t not_after; /* Unix time, s; 0: not known */
};
#define KS_CHECK_LEN 10
int put_ks_check(struct ibuf *, const struct ks_check *);
int get_ks_check(struct ibuf *, struct ks_check *);

#endif
