# The durable queue. smtp is for addresses and for the text of bounces.
PROG_DIRS += queued
queued_LINK := smtp msg base

# Its store is an archive of its own, so that tests link it without the rest.
STORE_OBJS := $(patsubst %.c,$(O)/%.o,$(wildcard queued/store/*.c))
$(O)/queued/store.a: $(STORE_OBJS)
$(O)/queued/queued: $(O)/queued/store.a
-include $(wildcard $(O)/queued/store/*.d)

# All of it but its edges, for programs that give it a world of their own.
QUEUE_OBJS := $(filter-out %/main.o %/sandbox.o %/report.o $(O)/queued/peer_%,\
    $(patsubst %.c,$(O)/%.o,$(wildcard queued/*.c)))
$(O)/queued/core.a: $(QUEUE_OBJS)
