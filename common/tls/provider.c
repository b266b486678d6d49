/* SPDX-License-Identifier: ISC */
/*
 * An OpenSSL 3 provider whose RSA and EC keys are a public key and a number.
 * It can sign, as libssl asks for it in a handshake, and nothing else: no
 * private operation of another kind is there, and no way to export a key, so
 * that libssl finds this provider's signature for this provider's key.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "common/tls/tls_int.h"

#define NAME	  "keyd"
#define KEY_PARAM "keyd-number"

struct remote_key {
	const char *type; /* "RSA", "EC" */
	EVP_PKEY *pub;	  /* of the default provider */
	uint32_t number;
	bool numbered;
};

/* --- keys --- */

static void *
key_new(const char *type)
{
	struct remote_key *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->type = type;
	return k;
}

static void *
rsa_new(void *provctx)
{
	(void)provctx;
	return key_new("RSA");
}

static void *
ec_new(void *provctx)
{
	(void)provctx;
	return key_new("EC");
}

static void
key_free(void *v)
{
	struct remote_key *k = v;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->pub);
	free(k);
}

static int
key_has(const void *v, int selection)
{
	const struct remote_key *k = v;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !k->numbered)
		return 0;
	return k->pub != NULL;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct remote_key *x = a, *y = b;

	(void)selection;
	return x->pub != NULL && y->pub != NULL &&
	    EVP_PKEY_eq(x->pub, y->pub) == 1;
}

static int
key_import(void *v, int selection, const OSSL_PARAM params[])
{
	struct remote_key *k = v;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, KEY_PARAM);
	OSSL_PARAM *copy;
	EVP_PKEY_CTX *ctx;
	int ok = 0;

	(void)selection;
	if (p != NULL)
		k->numbered = OSSL_PARAM_get_uint32(p, &k->number) == 1;
	ctx = EVP_PKEY_CTX_new_from_name(tls_lib, k->type, "provider=default");
	copy = OSSL_PARAM_dup(params);
	if (ctx != NULL && copy != NULL)
		ok = EVP_PKEY_fromdata_init(ctx) > 0 &&
		    EVP_PKEY_fromdata(ctx, &k->pub, EVP_PKEY_PUBLIC_KEY, copy) >
			0;
	OSSL_PARAM_free(copy);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_uint32(KEY_PARAM, NULL),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int
key_get_params(void *v, OSSL_PARAM params[])
{
	struct remote_key *k = v;

	if (k->pub == NULL)
		return 0;
	/* what a key of its type does not have is no failure */
	(void)EVP_PKEY_get_params(k->pub, params);
	return 1;
}

static const OSSL_PARAM *
key_gettable(void *provctx)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
		    NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return gettable;
}

static const char *
rsa_operation(int op)
{
	(void)op;
	return "RSA";
}

static const char *
ec_operation(int op)
{
	return op == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define FN(id, f)                                                              \
	{                                                                      \
		id, (void (*)(void))(f)                                        \
	}
#define END                                                                    \
	{                                                                      \
		0, NULL                                                        \
	}
#define KEYMGMT(new, operation)                                                \
	FN(OSSL_FUNC_KEYMGMT_NEW, new), FN(OSSL_FUNC_KEYMGMT_FREE, key_free),  \
	    FN(OSSL_FUNC_KEYMGMT_HAS, key_has),                                \
	    FN(OSSL_FUNC_KEYMGMT_MATCH, key_match),                            \
	    FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                          \
	    FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),              \
	    FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                  \
	    FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),               \
	    FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation), END

static const OSSL_DISPATCH rsa_keymgmt[] = { KEYMGMT(rsa_new, rsa_operation) };
static const OSSL_DISPATCH ec_keymgmt[] = { KEYMGMT(ec_new, ec_operation) };

/* --- signatures --- */

struct signature {
	const struct remote_key *key;
	char digest[16];
	bool pss;
};

/* RFC 8446 4.2.3; 0: none of those that keyd knows */
static uint16_t
scheme_of(const struct signature *s)
{
	static const struct {
		const char *digest;
		uint16_t ecdsa, pkcs1, pss;
	} schemes[] = {
		{ "SHA256", 0x0403, 0x0401, 0x0804 },
		{ "SHA2-256", 0x0403, 0x0401, 0x0804 },
		{ "SHA384", 0x0503, 0x0501, 0x0805 },
		{ "SHA2-384", 0x0503, 0x0501, 0x0805 },
		{ "SHA512", 0x0603, 0x0601, 0x0806 },
		{ "SHA2-512", 0x0603, 0x0601, 0x0806 },
	};
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strcmp(schemes[i].digest, s->digest) != 0)
			continue;
		if (s->key->type[0] == 'E')
			return schemes[i].ecdsa;
		return s->pss ? schemes[i].pss : schemes[i].pkcs1;
	}
	return 0;
}

static void *
sig_new(void *provctx, const char *properties)
{
	(void)provctx;
	(void)properties;
	return calloc(1, sizeof(struct signature));
}

static void
sig_free(void *s)
{
	free(s);
}

static void *
sig_dup(void *v)
{
	struct signature *s = malloc(sizeof(*s));

	if (s != NULL)
		memcpy(s, v, sizeof(*s));
	return s;
}

/*
 * Of the parameters only the padding is ours to choose: the salt is as long as
 * the digest, which keyd knows.
 */
static int
sig_set_params(void *v, const OSSL_PARAM params[])
{
	struct signature *s = v;
	const OSSL_PARAM *p;
	int pad;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p == NULL)
		return 1;
	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		s->pss = p->data != NULL &&
		    strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return 1;
	}
	if (OSSL_PARAM_get_int(p, &pad) != 1)
		return 0;
	s->pss = pad == RSA_PKCS1_PSS_PADDING;
	return s->pss || pad == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *
sig_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL,
		    0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return settable;
}

static int
sig_init(void *v, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signature *s = v;

	if (digest == NULL || strlen(digest) >= sizeof(s->digest))
		return 0;
	memcpy(s->digest, digest, strlen(digest) + 1);
	s->key = key;
	s->pss = false;
	return sig_set_params(v, params);
}

static int
sig_sign(void *v, unsigned char *sig, size_t *len, size_t cap,
    const unsigned char *block, size_t n)
{
	const struct signature *s = v;
	int max = EVP_PKEY_get_size(s->key->pub);
	uint16_t scheme = scheme_of(s);

	if (max <= 0 || scheme == 0 || !s->key->numbered)
		return 0;
	if (sig == NULL) {
		*len = (size_t)max;
		return 1;
	}
	if (cap > (size_t)max)
		cap = (size_t)max;
	return sign_ask(s->key->number, scheme, block, n, sig, len, cap) == 0;
}

static const OSSL_DISPATCH signature[] = {
	FN(OSSL_FUNC_SIGNATURE_NEWCTX, sig_new),
	FN(OSSL_FUNC_SIGNATURE_FREECTX, sig_free),
	FN(OSSL_FUNC_SIGNATURE_DUPCTX, sig_dup),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sig_init),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sig_sign),
	FN(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sig_set_params),
	FN(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sig_settable),
	END,
};

/* --- the provider --- */

#define PROPERTIES "provider=" NAME

static const OSSL_ALGORITHM keymgmts[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_keymgmt,
	    "" },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_keymgmt, "" },
	{ NULL, NULL, NULL, NULL },
};
static const OSSL_ALGORITHM signatures[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature, "" },
	{ "ECDSA", PROPERTIES, signature, "" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *
query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keymgmts;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	static const OSSL_DISPATCH functions[] = {
		FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		END,
	};

	(void)handle;
	(void)in;
	*out = functions;
	*provctx = NULL;
	return 1;
}

int
provider_load(void)
{
	/* where there is a choice, as for a certificate's key, it is OpenSSL's
	 */
	if (OSSL_PROVIDER_load(tls_lib, "default") == NULL ||
	    OSSL_PROVIDER_add_builtin(tls_lib, NAME, provider_init) != 1 ||
	    OSSL_PROVIDER_load(tls_lib, NAME) == NULL ||
	    EVP_set_default_properties(tls_lib, "?provider=default") != 1)
		return -1;
	return 0;
}

EVP_PKEY *
provider_key(EVP_PKEY *pub, uint32_t number)
{
	OSSL_PARAM numbered[2], *params = NULL, *all = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (EVP_PKEY_todata(pub, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return NULL;
	numbered[0] = OSSL_PARAM_construct_uint32(KEY_PARAM, &number);
	numbered[1] = OSSL_PARAM_construct_end();
	all = OSSL_PARAM_merge(params, numbered);
	ctx = EVP_PKEY_CTX_new_from_name(tls_lib,
	    EVP_PKEY_is_a(pub, "RSA") ? "RSA" : "EC", PROPERTIES);
	if (ctx == NULL || all == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(all); /* a shallow list: the members are of the two */
	OSSL_PARAM_free(params);
	return key;
}
