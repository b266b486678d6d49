# SPDX-License-Identifier: ISC
"""The page that postern audit --html writes, as a browser shows it.

What is seen is kept in build/page: light.png, dark.png, print.pdf and the
page itself, for a person to look at.
"""
import html.parser
import os
import subprocess

import pytest

from lab.gateway import GOLDEN, QUICK, Gateway, program
from lab.inside import BUILD
from lab.png import Picture

OUT = os.path.join(BUILD, 'page')
BROWSER = 'chromium-headless-shell'
ROWS = ('posternd', 'connd/ext', 'connd/int', 'smtpd-in/ext', 'smtpd-in/int',
        'queued', 'smtpd-out/ext', 'smtpd-out/int', 'dnsd-ext', 'dnsd-int',
        'dird', 'keyd', 'logd', 'ctld')
VOID = {'meta', 'br', 'dt', 'dd', 'tr', 'th', 'td'}


class Outline(html.parser.HTMLParser):
    """The elements, what is left open, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.wild = [], [], [], []
        self.outside, self.words = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for key, value in attrs:
            if key == 'id':
                self.ids.append(value)
            if key in ('href', 'src') and not value.startswith('#'):
                self.outside.append(value)
            if key.startswith('on'):
                self.wild.append(key)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.words.append(data)


def page(gw, path, status=0):
    done = gw.postern('audit', '--html', path, check=False)
    assert (done.returncode, done.stdout) == (status, ''), done
    with open(path, encoding='utf-8') as f:
        return f.read()


@pytest.fixture
def out():
    os.makedirs(OUT, exist_ok=True)
    return OUT


def test_page(gw, out):
    """Self-contained, without a script, complete, and the same twice."""
    text = page(gw, out + '/audit.html')
    assert page(gw, out + '/again.html') == text
    os.unlink(out + '/again.html')
    assert gw.postern('audit', '--html', '-').stdout == text
    seen = Outline(text)
    assert seen.open == [] and seen.wild == [] and seen.outside == []
    assert not {'script', 'link', 'img', 'iframe', 'object'} & set(seen.tags)
    assert 'url(' not in text.replace('url(#head)', '')
    assert sorted(seen.ids) == sorted(ROWS + ('head', 'calls', 'channels'))
    said = ' '.join(''.join(seen.words).split())
    assert 'All is as declared.' in said
    assert 'TRUST does not say' not in said
    for words in ('accept4', 'take connections from the listeners',
                  'bounding set: none', 'below a directory held open',
                  'a namespace of its own, 0 interfaces'):
        assert words in said, words
    # every channel of the topology is drawn, but those that all have
    topology = subprocess.run([program('master/posternd'), '--topology'],
                              capture_output=True, text=True,
                              check=True).stdout.splitlines()
    edges = [x.split() for x in topology if x.startswith('edge')]
    drawn = [e for e in edges if e[2] not in ('posternd', 'logd')]
    assert text.count('class="wire') == len(drawn) > 15
    for e in drawn:
        assert '<title>%s \u2192 %s: ' % (e[1], e[2]) in text


def test_page_after_a_restart(world, out):
    """Other processes of the same system: the same bytes."""
    texts = []
    for _ in range(2):
        with Gateway(world, QUICK + GOLDEN) as gateway:
            texts.append(page(gateway, out + '/restart.html'))
    os.unlink(out + '/restart.html')
    assert texts[0] == texts[1]


def test_page_of_a_difference(gw, out):
    pid = gw.pids('in-ext')[0]
    ip = ['nsenter', '--net=/proc/%d/ns/net' % pid, '--', 'ip', 'link']
    subprocess.run(ip + 'add way0 type veth peer name way1'.split(),
                   check=True)
    try:
        text = page(gw, out + '/differs.html', status=1)
    finally:
        subprocess.run(ip + ['del', 'way0'], check=True)
        os.unlink(out + '/differs.html')
    assert '1 difference from what is declared' in text
    assert 'smtpd-in/ext.0 differs: 2 interfaces' in text


def test_page_is_not_written_through_a_link(gw, out, tmp_path):
    target, link = tmp_path / 'target', tmp_path / 'link'
    target.write_text('precious')
    link.symlink_to(target)
    done = gw.postern('audit', '--html', str(link), check=False)
    assert done.returncode == 2 and 'link' in done.stderr
    assert target.read_text() == 'precious'


def test_page_that_finds_no_room(gw):
    done = gw.postern('audit', '--html', '/dev/full', check=False)
    assert done.returncode == 2 and 'No space left' in done.stderr


def browse(out, name, *options):
    """The browser's picture of the page's head, or its print."""
    target = '%s/%s' % (out, name)
    subprocess.run(
        [BROWSER, '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
         '--user-data-dir=/run/lab/browser', '--window-size=1100,900']
        + [o.replace('@', target) for o in options]
        + ['file://%s/audit.html' % out],
        check=True, timeout=120, capture_output=True)
    return target


@pytest.mark.parametrize('name, options, dark', [
    ('light', [], False),
    ('dark', ['--blink-settings=preferredColorScheme=0'], True),
])
def test_page_in_a_browser(gw, out, name, options, dark):
    page(gw, out + '/audit.html')
    png = Picture.read(browse(out, name + '.png', '--screenshot=@', *options))
    assert (png.width, png.height) == (1100, 900)
    corner = png.at(2, 2)
    assert (sum(corner) < 200) == dark, corner
    # words, boxes and the tints of both sides, not one blank sheet
    counts = png.colours()
    assert len(counts) > 100
    assert 0.02 < 1 - counts[corner] / (png.width * png.height) < 0.98
    left, right = png.at(60, 500), png.at(1040, 500)
    assert left != right and corner not in (left, right)


def test_page_on_paper(gw, out):
    page(gw, out + '/audit.html')
    pdf = browse(out, 'print.pdf', '--print-to-pdf=@', '--no-pdf-header-footer')
    with open(pdf, 'rb') as f:
        data = f.read()
    assert data.startswith(b'%PDF-')
    assert 4 <= data.count(b'/Type /Page\n') <= 30
