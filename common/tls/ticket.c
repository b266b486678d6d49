/* SPDX-License-Identifier: ISC */
/* Session tickets: see ticket.h. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "common/tls/tls_int.h"

#define NAME_LEN 16
#define AES_LEN	 32
#define HMAC_LEN 32
#define IV_LEN	 16

/* found once: they are the same for all */
static EVP_CIPHER *cipher;

static int
use_key(const uint8_t *key, const uint8_t *iv, EVP_CIPHER_CTX *ctx,
    EVP_MAC_CTX *mac, int seal)
{
	char digest[] = "SHA256";
	uint8_t secret[HMAC_LEN];
	OSSL_PARAM params[3];
	int ok;

	memcpy(secret, key + NAME_LEN + AES_LEN, sizeof(secret));
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
	    secret, sizeof(secret));
	params[1] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	ok = EVP_CipherInit_ex(ctx, cipher, NULL, key + NAME_LEN, iv, seal) ==
		1 &&
	    EVP_MAC_CTX_set_params(mac, params) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

/*
 * libssl: 1 go on, 2 go on and give a new ticket, 0 this ticket is nothing to
 * us, -1 failed.
 */
static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char iv[EVP_MAX_IV_LENGTH],
    EVP_CIPHER_CTX *ctx, EVP_MAC_CTX *mac, int seal)
{
	const struct tls_conn *c = SSL_get_app_data(ssl);
	const struct tls_tickets *t = c->server->tickets;
	uint32_t i;

	if (t == NULL || t->n == 0)
		return 0;
	if (seal != 0) {
		memcpy(name, t->key[0], NAME_LEN);
		if (RAND_bytes_ex(tls_lib, iv, IV_LEN, 0) != 1)
			return -1;
		return use_key(t->key[0], iv, ctx, mac, 1) ? 1 : -1;
	}
	for (i = 0; i < t->n; i++)
		if (memcmp(t->key[i], name, NAME_LEN) == 0)
			break;
	if (i == t->n)
		return 0;
	if (!use_key(t->key[i], iv, ctx, mac, 0))
		return -1;
	return i == 0 ? 1 : 2;
}

void
ticket_setup(SSL_CTX *ctx)
{
	if (cipher == NULL)
		cipher = EVP_CIPHER_fetch(tls_lib, "AES-256-CBC", NULL);
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
