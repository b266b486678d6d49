# SPDX-License-Identifier: ISC
"""A private copy of the machine: pid, mount and network namespaces.

enter() re-executes the calling program under unshare(1) and then, as
process 1 of the new pid space, reaps while a child does the work.  When
process 1 ends the kernel ends all others, and the mounts go with them.
"""
import os
import pwd
import grp
import shutil
import signal
import subprocess
import sys
import traceback

WORK = '/run/lab'
FLAG = '--inside-the-lab'

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
# what is tested: make's O, which is build unless it was said
BUILD = os.path.join(PROJECT, os.environ.get('O') or 'build')
ACCOUNTS = ('postfix', 'postdrop', 'vmail')
FIRST_UID = 64000


def enter(program, work):
    """Run work() in the private machine; returns its exit status."""
    if len(sys.argv) > 1 and sys.argv[1] == FLAG and os.getpid() == 1:
        del sys.argv[1]
        return as_init(work)
    if os.geteuid() != 0:
        print('%s: needs root (it makes namespaces)' % program,
              file=sys.stderr)
        return 2
    os.execvp('unshare', [
        'unshare', '--mount', '--propagation', 'private', '--net', '--pid',
        '--fork', '--kill-child', '--mount-proc', '--',
        '/usr/bin/python3', '-B', os.path.abspath(program), FLAG]
        + sys.argv[1:])


def as_init(work):
    """Process 1: run work() in a child and reap whatever is left to us."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            privatise()
            status = work()
        except SystemExit as e:
            status = e.code if isinstance(e.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(status))

    def forward(signo, _frame):
        os.kill(child, signo)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGHUP, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xff


def mount(*args):
    subprocess.run(('mount',) + args, check=True)


def privatise():
    """Copies of /etc, /run and /var/spool that nobody else sees."""
    os.umask(0o022)
    mount('-t', 'tmpfs', '-o', 'mode=755', 'lab', '/run')
    os.makedirs(WORK + '/etc')
    os.makedirs(WORK + '/tmp')
    os.environ['TMPDIR'] = WORK + '/tmp'
    subprocess.run(['cp', '-a', '/etc/.', WORK + '/etc'], check=True)
    mount('--bind', WORK + '/etc', '/etc')
    mount('-t', 'tmpfs', '-o', 'mode=755', 'lab', '/var/spool')
    write_etc()


def write_etc():
    """Accounts and resolver files; nothing may ask the decoy resolver."""
    files = {'resolv.conf': 'nameserver 192.0.2.53\n',
             'hosts': '127.0.0.1 localhost\n::1 localhost\n',
             'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\n'
                              'hosts: files dns\nservices: files\n'
                              'protocols: files\n'}
    for name, text in files.items():
        path = '/etc/' + name
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, 'w') as f:
            f.write(text)
    if os.path.isdir('/etc/postern'):
        shutil.rmtree('/etc/postern')
    os.mkdir('/etc/postern')
    for number, name in enumerate(ACCOUNTS, FIRST_UID):
        add_account(name, number)
    subprocess.run([PROJECT + '/build-aux/users.sh'], check=True,
                   stdout=subprocess.DEVNULL)


def add_account(name, number):
    try:
        grp.getgrnam(name)
    except KeyError:
        with open('/etc/group', 'a') as f:
            f.write('%s:x:%d:\n' % (name, number))
    try:
        pwd.getpwnam(name)
    except KeyError:
        gid = grp.getgrnam(name).gr_gid
        with open('/etc/passwd', 'a') as f:
            f.write('%s:x:%d:%d:lab:/nonexistent:/usr/sbin/nologin\n'
                    % (name, number, gid))
        with open('/etc/shadow', 'a') as f:
            f.write('%s:!:19000::::::\n' % name)
