"""The parts of docs/protocol.md that have nothing to do with what is served: packets, locks, control path."""
import asyncio
import contextlib
import fcntl
import json
import os
import socket
import struct
import time

MAX_BYTES, MAX_DESCRIPTORS = 65536, 253
OWNER, NEXT = 0, 1  # bytes of the lock file
FIRST_PACKET = BATCH = OWNER_SAYS = 5  # the waits, in seconds
READY, YOURS = 60, 10
FAREWELL = MOVED = OWNER_LOCK = SETTLE = 1


class Gone(Exception):
    """The connection has ended."""


class Failed(Exception):
    """The exchange is over for another reason: nonsense, a refusal, no answer in time."""


def identity(path):
    try:
        found = os.lstat(path)
        return found.st_dev, found.st_ino
    except FileNotFoundError:
        return None


def close_all(fds):
    for fd in fds:
        os.close(fd)


class Channel:
    """A control connection. One packet is one message, with the descriptors that belong to it."""

    def __init__(self, sock):
        self.sock = sock
        sock.setblocking(False)
        _, uid, _ = struct.unpack('iII', sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        with open('/proc/sys/kernel/overflowuid') as overflow:
            self.trusted = uid == 0 or (uid == os.geteuid() and uid != int(overflow.read()))

    def send(self, kind, fds=(), **fields):
        announced = {'descriptors': len(fds)} if fds else {}
        try:
            socket.send_fds(self.sock, [json.dumps({'type': kind, **announced, **fields}).encode()], fds)
        except OSError:
            pass  # the end is judged by receiving only

    async def receive(self, seconds=None):
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.sock, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), seconds)
            data, fds, flags, _ = socket.recv_fds(self.sock, MAX_BYTES, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except asyncio.TimeoutError:
            raise Failed('no answer in time') from None
        except ConnectionResetError:  # comes once, and before the last word of a peer that closed
            return await self.receive(seconds)
        finally:
            loop.remove_reader(self.sock)
        if not data:
            raise Gone('the connection has ended')
        try:
            message = json.loads(data)
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) or message.get('descriptors', 0) != len(fds):
                raise ValueError('not what was announced')
            if not isinstance(message.get('type'), str):
                raise ValueError('no type')
            return message, fds
        except (ValueError, AttributeError) as error:
            close_all(fds)
            raise Failed(f'nonsense: {error}') from None

    async def expect(self, kind, seconds):
        message, fds = await self.receive(seconds)
        close_all(fds)
        if message['type'] != kind:
            raise Failed(f'{message} where {kind} was due')
        return message


class Locks:
    """The kernel releases them when their holder dies: dead is who lost byte 0."""

    def __init__(self, control_path):
        self.path, self.held = f'{control_path}.lock', set()
        self.open()

    def open(self):
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def set(self, kind, byte):
        fcntl.fcntl(self.file, fcntl.F_OFD_SETLK, struct.pack('hhqqi4x', kind, os.SEEK_SET, byte, 1, 0))

    def take(self, byte):
        while byte not in self.held:
            try:
                self.set(fcntl.F_WRLCK, byte)
            except (BlockingIOError, PermissionError):
                return False
            mine = os.fstat(self.file)
            if self.held or identity(self.path) == (mine.st_dev, mine.st_ino):
                self.held.add(byte)
            else:  # somebody removed the file between our open and our lock
                os.close(self.file)
                self.open()
        return True

    async def wait_for(self, byte, seconds):
        deadline = time.monotonic() + seconds
        while not self.take(byte) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return byte in self.held

    def release(self, byte):
        if byte in self.held:
            self.set(fcntl.F_UNLCK, byte)
            self.held.remove(byte)


class Control:
    """The socket an owner is found at: bound and listening beside the control path, then renamed onto it."""

    def __init__(self, path, holder, on_peer):
        self.path, self.name = path, f'{path}.{holder}'
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name)  # of somebody who held the same lock, and is dead
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        os.fchmod(self.sock.fileno(), 0o600)  # before bind: it is never open to others
        self.sock.bind(self.name)
        self.sock.listen(128)
        self.identity = identity(self.name)
        asyncio.get_running_loop().add_reader(
            self.sock, lambda: asyncio.create_task(on_peer(Channel(self.sock.accept()[0]))))

    def published(self):
        return identity(self.path) == self.identity

    def publish(self):
        os.rename(self.name, self.path)
        self.name = self.path

    def close(self, remove=False):
        if self.sock.fileno() != -1:
            asyncio.get_running_loop().remove_reader(self.sock)
            self.sock.close()
            if remove and identity(self.name) == self.identity:
                os.unlink(self.name)
