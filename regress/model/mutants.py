# SPDX-License-Identifier: ISC
"""Faults to be put into smtpd-in's session machine, one at a time: file, what
is there once, what is put in its place.  The model has to find each."""

MUTANTS = {
    'no reset after a bad BDAT text': (
        'text.c',
        '\tif (fault != SMTP_R_NONE) {\n\t\tsession_reset_tx(s);\n',
        '\tif (fault != SMTP_R_NONE) {\n\t\tif (!s->tx.data.chunks)\n'
        '\t\t\tsession_reset_tx(s);\n'),
    'no reset after a bad DATA text': (
        'text.c',
        '\tif (fault != SMTP_R_NONE) {\n\t\tsession_reset_tx(s);\n',
        '\tif (fault != SMTP_R_NONE) {\n\t\ts->state = SESSION_IDLE;\n'),
    'no reset after a message was taken': (
        'answer.c',
        '\t\ts->junk = 0;\n\t\tsession_reset_tx(s);\n',
        '\t\ts->junk = 0;\n\t\ts->state = SESSION_IDLE;\n'),
    'no reset when the queue refuses': (
        'answer.c',
        '\t} else if (question == ACT_SUBMIT)\n\t\tsession_reset_tx(s);\n',
        '\t} else if (question == ACT_SUBMIT)\n\t\ts->state = SESSION_RCPT;\n'),
    'recipients outlive a reset': (
        'session.c',
        '\tmemset(&s->tx, 0, sizeof(s->tx));\n',
        '\tuint32_t n = s->tx.rcpts;\n\tmemset(&s->tx, 0, sizeof(s->tx));\n'
        '\ts->tx.rcpts = n;\n'),
    'a fault outlives a reset': (
        'session.c',
        '\tmemset(&s->tx, 0, sizeof(s->tx));\n',
        '\tenum smtp_reply_id f = s->tx.fault;\n'
        '\tmemset(&s->tx, 0, sizeof(s->tx));\n\ts->tx.fault = f;\n'),
    'EHLO leaves the transaction': (
        'verb.c', '\tsession_abort_tx(st);\n\tmemcpy(s->helo',
        '\tmemcpy(s->helo'),
    'RSET leaves the transaction': (
        'verb.c', '\tsession_abort_tx(st);\n\tsession_reply(st, SMTP_R_RSET',
        '\tsession_reply(st, SMTP_R_RSET'),
    'RSET leaves the chunks': (
        'verb.c', '\tsession_abort_tx(st);\n\tsession_reply(st, SMTP_R_RSET',
        '\tif (st->s->state != SESSION_CHUNKS)\n\t\tsession_abort_tx(st);\n'
        '\tsession_reply(st, SMTP_R_RSET'),
    'VRFY resets': (
        'verb.c', '\tsession_reply(st, SMTP_R_VRFY);\n',
        '\tsession_abort_tx(st);\n\tsession_reply(st, SMTP_R_VRFY);\n'),
    'DATA between chunks': (
        'verb.c', 'SMTP_R_NONE, SMTP_R_IN_CHUNKS },\n\t    F_NO_ARG | F_LAST',
        'SMTP_R_NONE, SMTP_R_NONE },\n\t    F_NO_ARG | F_LAST'),
    'a second MAIL': (
        'verb.c',
        'SMTP_R_NESTED_MAIL },\n\t    0, SMTP_LINE_MAX, run_mail',
        'SMTP_R_NONE },\n\t    0, SMTP_LINE_MAX, run_mail'),
    'a chunk out of place is run as commands': (
        'chunk.c', '\tif (s->chunk_reply != SMTP_R_NONE) {\n\t\ts->chunk_left',
        '\tif (s->chunk_reply != SMTP_R_NONE) {\n\t\tn = 0;\n\t\ts->chunk_left'
        ' = 0;\n\t\ts->chunk_left'),
    'a text may lack its first chunk': (
        'chunk.c', '\t\ts->tx.fault = refused;\n\t\tgive_up(st);\n',
        '\t\ts->state = SESSION_RCPT;\n\t\tsession_refuse(st, refused, '
        'smtp_slice("", 0));\n'),
    'the queue is not told of a bad chunk': (
        'chunk.c', '\tif (s->tx_open) {\n\t\ts->tx_open = false;\n'
        '\t\tst->act->type = ACT_ABORT;\n\t}\n', '\t(void)s;\n'),
    'what was said in clear text outlives STARTTLS': (
        'session.c', '\tsession_init(s, was.conf);\n',
        '\ts->event = SMTP_R_NONE;\n\ts->question = ACT_INPUT;\n'
        '\ts->answered = false;\n\ts->junk = 0;\n'),
    'commands behind STARTTLS are kept': (
        'session.c', '\tst->act->text = in;\n\treturn in.len;\n',
        '\tst->act->text = in;\n\treturn 0;\n'),
    'STARTTLS is offered again': (
        'verb.c', '(s->secured ? SMTP_EXT_STARTTLS : SMTP_EXT_REQUIRETLS)',
        '(s->secured ? 0 : SMTP_EXT_REQUIRETLS)'),
    'REQUIRETLS in clear text': (
        'verb.c', '(s->secured ? SMTP_EXT_STARTTLS : SMTP_EXT_REQUIRETLS)',
        '(s->secured ? SMTP_EXT_STARTTLS : 0)'),
    'LF . CRLF ends a text': (
        'data.c', '\t\t\td->faults |= DATA_F_BARE_LF;\n'
        '\t\t\td->state = ST_TEXT;\n',
        '\t\t\td->faults |= DATA_F_BARE_LF;\n'
        '\t\t\td->state = ST_LINE;\n'),
    'a bare LF passes': (
        'data.c', '\t\t\td->faults |= DATA_F_BARE_LF;\n', ''),
    'a CR between two pieces passes': (
        'data.c', '\tif (d->state == ST_CR && in.p[0] != \'\\n\')\n'
        '\t\td->faults |= DATA_F_BARE_CR;\n', ''),
    'a CR at the end of the last chunk passes': (
        'data.c', '\tif (d->state == ST_CR)\n\t\td->faults |= '
        'DATA_F_BARE_CR;\n\tif (d->state != ST_TEXT)',
        '\tif (d->state != ST_TEXT)'),
    'a recipient answered with 4yz counts': (
        'answer.c', '\t\ts->tx.later++;\n', '\t\ts->tx.rcpts++;\n'),
    'an answer is taken twice': (
        'session.c', '\ts->event = farewell;\n\ts->question = ACT_INPUT;\n',
        '\ts->event = farewell;\n'),
    'a client that does not wait is heard': (
        'verb.c', '\treturn more_input && (s->conf->policy',
        '\treturn false && more_input && (s->conf->policy'),
    'errors have no end': (
        'session.c', '\t\tif (++s->errors > s->conf->error_max)\n',
        '\t\tif (++s->errors == 0)\n'),
}
