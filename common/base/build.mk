# Event loop, buffers, channels, privileges, sandbox, log: under every program.
ARCHIVES += base
base_LDLIBS := -lbsd -lseccomp -lcap
