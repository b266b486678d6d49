# SPDX-License-Identifier: ISC
"""logfmt lines as dictionaries."""
import re

PAIR = re.compile(r'([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\S*)')


class Line(dict):
    """A parsed line; .text is what was written."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        for key, value in PAIR.findall(text):
            if value.startswith('"') and value.endswith('"'):
                value = re.sub(r'\\(.)', r'\1', value[1:-1])
            self[key] = value

    def matches(self, want):
        """want: key to value, to a set of values, or to a function."""
        for key, value in want.items():
            have = self.get(key)
            if callable(value):
                if not value(have):
                    return False
            elif isinstance(value, (set, tuple, list)):
                if have not in value:
                    return False
            elif have != str(value):
                return False
        return True

    def __str__(self):
        return self.text
