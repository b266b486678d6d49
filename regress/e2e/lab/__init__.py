# SPDX-License-Identifier: ISC
"""The lab: three network namespaces, real peers, captures, and a gateway.

inside    a private copy of the machine: mounts, /etc, accounts, pid space
netns     the namespaces and links, and entering them from a thread
proc      processes with logs, and waiting for events
capture   every packet that matters on both links
dns       zones, nsd, unbound, and a scripted server that misbehaves
postfix   real Postfix instances
smtp      a scriptable SMTP server and a raw client
load      many messages over many connections, and the ledger of them
gateway   posternd under test and the postern command
world     all of the above, put together once per session
"""
