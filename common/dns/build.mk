# Body of both resolvers; the only user of ldns.
ARCHIVES += dns
dns_LDLIBS := -lldns
