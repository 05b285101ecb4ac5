#!/usr/bin/env python3
"""An echo server that takes the listening sockets over from a running server, and hands them on.

usage: python3 adopt.py CONTROL_PATH

Written from docs/protocol.md, in its words: P is the predecessor, S the successor. It has no listeners of its own; it
serves what it is offered, and answers each line with the line and its pid. Python 3.9 or later, on Linux.
"""
import asyncio
import json
import os
import signal
import socket
import sys
import time

from handover import (BATCH, FAREWELL, FIRST_PACKET, MOVED, NEXT, OWNER, OWNER_LOCK, OWNER_SAYS, READY, SETTLE, YOURS,
                      Channel, Control, Failed, Gone, Locks, close_all, identity)


def log(message, **facts):
    print(json.dumps({'time': int(time.time() * 1000), 'pid': os.getpid(), 'msg': message, **facts}), flush=True)


class Echo:
    """The service: listeners (pairs of record and socket), which change hands, and connections, which do not."""

    def __init__(self):
        self.listeners, self.connections = [], set()

    def accept_from_all(self):
        for _, sock in self.listeners:
            asyncio.get_running_loop().add_reader(sock, self.accept, sock)

    def pause(self):
        for _, sock in self.listeners:
            asyncio.get_running_loop().remove_reader(sock)

    def accept(self, sock):
        try:
            while True:
                task = asyncio.create_task(self.serve(sock.accept()[0]))
                self.connections.add(task)  # counted in the tick it was accepted
                task.add_done_callback(self.connections.discard)
        except BlockingIOError:
            pass

    async def serve(self, connection):
        loop, rest = asyncio.get_running_loop(), b''
        connection.setblocking(False)
        with connection:
            try:
                while data := await loop.sock_recv(connection, 65536):
                    *lines, rest = (rest + data).split(b'\n')
                    answers = [b'%s %d\n' % (line, os.getpid()) for line in lines]
                    await loop.sock_sendall(connection, b''.join(answers))
            except ConnectionError:
                pass

    def end(self, listener):
        """For good and for everybody: who is in the queue is served, nobody else gets in."""
        record, sock = listener
        file, path = record.get('file'), sock.getsockname()
        steps = [lambda: self.accept(sock), lambda: sock.shutdown(socket.SHUT_RDWR)]
        for step in reversed(steps) if record['family'] == 'unix' else steps:
            step()
        if file and identity(path) == (int(file['device']), int(file['inode'])):
            os.unlink(path)
        self.listeners.remove(listener)
        sock.close()

    def drop(self):
        self.pause()
        for _, sock in self.listeners:
            sock.close()
        self.listeners = []


class Generation:
    """One process of the service: first successor, then owner, then predecessor."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.locks, self.echo, self.control = Locks(self.path), Echo(), None
        self.state, self.number, self.changed_at, self.tls = 'starting', 0, 0, {}
        self.earlier = {}  # generations that drain: their channels, and the event of their answer to `bye`
        self.exchange = None  # the task of a hand-over that can still be cancelled
        self.orders = asyncio.Queue()  # None to stop; (channel, unclaimed) when the service was given away

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asyncio.current_task().cancel)
        await self.take_over()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.orders.put_nowait, None)
        while True:
            given = await self.orders.get()
            if given and await self.leave(*given):
                return
            if not given and self.exchange:
                self.exchange.cancel()
            while not given and self.state == 'handing-over':
                await asyncio.sleep(0.01)
            if not given and self.state == 'serving':
                return await self.stop()

    # As successor

    async def take_over(self):
        channel = None
        try:
            channel, offer = await self.find_owner()
            await self.receive_listeners(channel, offer['listeners'])
            self.number = offer['generation'] + 1
            self.tls = {name: offer[name] for name in ('ticketKeys', 'sessionIdContext') if name in offer}
            self.control = Control(self.path, 'next', self.meet)
            channel.send('ready', unclaimed=[], controlPath=self.path, pidfilePath=None)
            await self.become_owner(channel)
        except BaseException as error:
            self.echo.drop()
            if self.control:
                self.control.close(remove=True)
            os.close(self.locks.file)
            if channel:
                channel.send('failed', code='FAILED', message=repr(error))
            sys.exit(f'cannot take over: {error!r}')  # and with it the channel ends, last
        self.changed_at = time.monotonic()
        self.serve()
        self.locks.release(NEXT)
        channel.send('owner', generation=self.number)
        asyncio.create_task(self.follow(channel))

    async def find_owner(self):
        deadline = time.monotonic() + READY
        if not await self.locks.wait_for(NEXT, READY):
            raise Failed('another process has been taking over for too long')
        while time.monotonic() < deadline:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
            try:
                sock.connect(self.path)
                self.locks.release(OWNER)
                channel = Channel(sock)
                offer = await self.ask(channel)
                if offer:
                    return channel, offer
            except (ConnectionRefusedError, FileNotFoundError):
                if OWNER in self.locks.held:
                    raise Failed('there is no server at the control path') from None
                await self.locks.wait_for(OWNER, OWNER_LOCK)  # dead, it seems: look once more
            except (BlockingIOError, Gone):
                pass  # its queue is full, or it has just left
            sock.close()
            await asyncio.sleep(0.02)
        raise Failed('no offer in time')

    async def ask(self, channel):
        if not channel.trusted:
            raise Failed('the control path is held by a stranger')
        channel.send('take-over', versions=[1], features=[], pid=os.getpid(), program='adopt.py')
        message, fds = await channel.receive(FIRST_PACKET)
        close_all(fds)
        if message['type'] == 'moved' or message.get('reason') in ('busy', 'stopping'):
            return None
        if message['type'] != 'offer':
            raise Failed(message)
        return message

    async def receive_listeners(self, channel, missing):
        while missing > 0:
            message, fds = await channel.receive(BATCH)
            if message['type'] != 'listeners' or len(message['listeners']) != len(fds):
                raise Failed(f'{message} where listeners were due')
            for record, sock in zip(message['listeners'], [socket.socket(fileno=fd) for fd in fds]):
                listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if record['kind'] == 'listener' and listening and sock.type == socket.SOCK_STREAM:
                    self.echo.listeners.append((record, sock))
            channel.send('received')
            missing -= len(fds)

    async def become_owner(self, channel):
        try:
            await channel.expect('yours', YOURS)
            got = self.locks.take(OWNER)
        except Gone:  # P has died, or only the connection has
            got = await self.locks.wait_for(OWNER, OWNER_LOCK)
        if not got:
            raise Failed('another process is the owner')

    def serve(self):
        self.echo.accept_from_all()
        if not self.control.published():
            self.control.publish()
        self.state = 'serving'
        log('serving', generation=self.number, listeners=[record['bound'] for record, _ in self.echo.listeners])

    # As owner

    async def meet(self, channel):
        """Whoever connects to the control path. What goes wrong ends the exchange, never the server."""
        given = False
        try:
            if not channel.trusted:
                return channel.send('refused', reason='forbidden', message='Only the same user or root may.')
            message, fds = await channel.receive(FIRST_PACKET)
            close_all(fds)
            order = 'moved' if self.state == 'draining' else message['type']
            if order == 'take-over':
                given = await self.hand_over(channel, message)
            elif order == 'stand-by' and self.state != 'stopping':
                await self.follow(channel)
            elif order == 'status':
                channel.send('status', status=self.status())
            elif order == 'stop':
                channel.send('stopping')
                self.orders.put_nowait(None)
            elif order == 'restart':
                channel.send('failed', code='UNINTERRUPTIBLE_RESTART_NO_COMMAND', message='I cannot start another.')
            elif order == 'moved':
                channel.send('moved')
        except (Gone, Failed, KeyError, TypeError) as error:
            log('a control connection failed', error=repr(error))
        finally:
            if not given:
                channel.sock.close()

    def status(self):
        return {'state': self.state, 'pid': os.getpid(), 'generation': self.number, 'controlPath': self.path,
                'listeners': [{'bound': record['bound']} for record, _ in self.echo.listeners],
                'connections': {'active': len(self.echo.connections)}}

    def refusal(self, take_over):
        if 1 not in take_over['versions']:
            return 'no-common-version'
        if 'token' in take_over:
            return 'forbidden'
        if self.state == 'stopping':
            return 'stopping'
        settling = time.monotonic() - self.changed_at < SETTLE
        return 'busy' if settling or self.state != 'serving' else None

    async def hand_over(self, channel, take_over):
        """Whether S is the owner now."""
        reason = self.refusal(take_over)
        if reason:
            return channel.send('refused', reason=reason, message=f'I am {self.state}.', versions=[1])
        self.state, self.exchange, wait = 'handing-over', asyncio.current_task(), OWNER_SAYS
        offered = list(self.echo.listeners)
        try:
            channel.send('offer', version=1, features=[], pid=os.getpid(), generation=self.number,
                         listeners=len(offered), **self.tls)
            for record, sock in offered:  # one in a packet is within every limit
                channel.send('listeners', [sock.fileno()], listeners=[record])
                await channel.expect('received', BATCH)
            ready = await channel.expect('ready', READY)
            unclaimed = [offered[position] for position in ready['unclaimed']]
        except (Gone, Failed, LookupError, TypeError, asyncio.CancelledError) as error:
            return self.keep(channel, error)
        finally:
            self.exchange = None
        self.locks.release(OWNER)
        channel.send('yours')
        ended_at = None
        while True:
            try:
                self.number = (await channel.expect('owner', wait))['generation']
                break
            except (Gone, Failed) as error:
                if self.locks.take(OWNER):
                    return self.keep(channel, error)
                if isinstance(error, Gone):
                    ended_at = ended_at or time.monotonic()
            if ended_at and time.monotonic() - ended_at > OWNER_LOCK and not self.control.published():
                self.number += 1  # S is alive, was cut off from us, and can be found: it is the owner
                break
            wait = 0.05
            await asyncio.sleep(wait)
        self.state = 'draining'
        self.orders.put_nowait((channel, unclaimed))
        return True

    def keep(self, channel, error):
        channel.send('cancelled', code='FAILED', message=repr(error))
        log('hand-over failed, serving on', error=repr(error))
        self.resume()

    def resume(self):
        if not self.control.published():
            self.control.close()
            self.control = Control(self.path, 'owner', self.meet)
        self.serve()

    async def follow(self, channel):
        """An earlier generation, until it has left."""
        self.earlier[channel] = answered = asyncio.Event()
        try:
            while (message := (await channel.receive())[0])['type'] != 'gone':
                if message['type'] == 'received':
                    answered.set()
        except (Gone, Failed):
            pass
        answered.set()
        del self.earlier[channel]
        channel.sock.close()

    async def stop(self):
        """For good."""
        self.state = 'stopping'
        for channel, answered in list(self.earlier.items()):
            channel.send('bye')
            await asyncio.wait({asyncio.create_task(answered.wait())}, timeout=FAREWELL)
        for listener in list(self.echo.listeners):
            self.echo.end(listener)
        self.control.close(remove=True)
        os.close(self.locks.file)
        while self.echo.connections or self.earlier:
            await asyncio.sleep(0.05)
        log('stopped')

    # As predecessor

    async def leave(self, channel, unclaimed):
        """Returns False if S has died and this process serves again."""
        self.echo.pause()
        for earlier in self.earlier:
            earlier.send('bye')
        for listener in unclaimed:
            self.echo.end(listener)
        asyncio.get_running_loop().call_later(MOVED, self.control.close)
        log('draining', connections=len(self.echo.connections))
        drained, bye, stop = map(asyncio.create_task, (self.drained(channel), self.bye(channel), self.orders.get()))
        await asyncio.wait({drained, bye, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        vanished = bye.done() and bye.exception() is not None
        if vanished and not drained.done() and await self.locks.wait_for(OWNER, OWNER_LOCK):
            drained.cancel()
            self.number, self.changed_at = self.number + 1, time.monotonic()
            self.resume()
            log('rolled back', generation=self.number)
            return False
        self.echo.drop()
        os.close(self.locks.file)
        if bye.done() and not vanished:
            channel.send('received')
        await drained
        channel.send('gone')
        log('gone')
        return True

    async def drained(self, channel):
        while self.echo.connections:
            channel.send('draining', connections=len(self.echo.connections))
            await asyncio.wait(self.echo.connections, timeout=1)

    async def bye(self, channel):
        while (await channel.receive())[0]['type'] != 'bye':
            pass


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(Generation(sys.argv[1]).run())
