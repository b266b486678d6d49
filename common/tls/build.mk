# TLS on memory, and keys that are elsewhere; beside keyd the only user of OpenSSL.
ARCHIVES += tls
tls_LDLIBS := -lssl -lcrypto
