# SPDX-License-Identifier: ISC
"""Reading delivery status notifications (RFC 3464)."""
import email
import email.policy
import re


class Notification:
    """A parsed notification; raises AssertionError when it is none."""

    def __init__(self, raw):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert mail.get_content_type() == 'multipart/report', \
            mail.get_content_type()
        assert mail.get_param('report-type') == 'delivery-status'
        parts = list(mail.iter_parts())
        assert len(parts) in (2, 3), [p.get_content_type() for p in parts]
        assert parts[0].get_content_type() == 'text/plain'
        assert parts[1].get_content_type() == 'message/delivery-status'
        self.mail, self.text = mail, parts[0].get_content()
        self.original = parts[2] if len(parts) == 3 else None
        self.message, *self.recipients = groups(parts[1])
        assert self.message.get('reporting-mta'), self.message
        assert self.recipients, 'no recipient group'
        for group in self.recipients:
            assert {'final-recipient', 'action', 'status'} <= set(group), \
                group
            assert re.fullmatch(r'[245]\.\d{1,3}\.\d{1,3}', group['status'])

    def about(self, address):
        """The fields of one recipient."""
        return next(g for g in self.recipients
                    if g['final-recipient'].endswith(address))


def groups(part):
    """The blocks of a delivery-status part as dictionaries."""
    found = []
    for block in part.get_payload():
        fields = {k.lower(): str(v).strip() for k, v in block.items()}
        if fields:
            found.append(fields)
    return found
