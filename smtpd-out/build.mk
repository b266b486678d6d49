# SMTP client sessions on connected sockets.
PROG_DIRS += smtpd-out
smtpd-out_LINK := smtp tls msg base
