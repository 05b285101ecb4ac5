"""What the model knows: processes, the two lock bytes, the control path, and connections with what is on its way.

States are immutable and compare by value. A step is written on a draft of one, which becomes the next state.
"""

from typing import NamedTuple, Optional


class Process(NamedTuple):
    step: str = "off"
    up: Optional[int] = None  # the process it takes over, or took over, from; the connection is (me, up)
    down: Optional[int] = None  # the process that takes over, or took over, from it; the connection is (down, me)
    accepts: bool = False
    sockets: bool = False  # has descriptors of the listening sockets, accepting or not
    stopped: bool = False  # by SIGSTOP: takes no step, holds everything
    parent: Optional[int] = None  # who started it, and gave it a token
    asks: Optional[int] = None  # as an owner: who was sent `take-back` and has not connected yet
    doomed: bool = False  # killed, and not dead yet
    killed: bool = False  # as the owner before: has killed `down` while it waited for `owner`
    term: bool = False  # told to stop for good


class Wire(NamedTuple):
    """A connection: (0) is the end of who opened it, (1) of who accepted it. Messages wait at the end they are for."""

    inbox: tuple = ((), ())
    open: tuple = (True, True)
    broken: bool = False


class World(NamedTuple):
    processes: tuple
    owner: Optional[int] = None  # who holds byte 0
    next: Optional[int] = None  # who holds byte 1
    path: Optional[int] = None  # whose control socket the control path leads to
    prepared: Optional[int] = None  # whose control socket has the temporary name `<path>.next`
    wires: tuple = ()
    ended: bool = False  # stopped for good, and not started again since
    left: tuple = ()  # how often each fault or order may still happen
    happened: frozenset = frozenset()


GONE = {"off", "dead", "left"}


def start(processes, budget):
    """Generation 1 serves, the others are not started yet."""
    first = Process("serve", accepts=True, sockets=True)
    others = tuple(Process() for _ in range(processes - 1))
    return World((first, *others), owner=0, path=0, left=tuple(sorted(budget.items())))


class Draft:
    """A state being changed."""

    def __init__(self, world, label, kind="step"):
        self.label, self.kind = label, kind
        self.said = []
        self.world = world
        self.processes = list(world.processes)
        self.wires = dict(world.wires)
        self.owner, self.next = world.owner, world.next
        self.path, self.prepared = world.path, world.prepared
        self.ended = world.ended
        self.left, self.happened = world.left, world.happened

    def done(self):
        return (
            self.kind,
            self.label,
            World(
                tuple(self.processes), self.owner, self.next, self.path, self.prepared,
                tuple(sorted(self.wires.items())), self.ended, self.left, self.happened,
            ),
        )  # fmt: skip

    def set(self, me, **changes):
        self.processes[me] = self.processes[me]._replace(**changes)
        return self

    def spend(self, what):
        self.left = tuple((name, count - (name == what)) for name, count in self.left)
        self.happened = self.happened | {what}
        return self

    def connect(self, me, peer, message):
        self.said.append((me, message))
        self.wires[me, peer] = Wire(inbox=((), (message,)))
        return self

    def send(self, wire, me, message):
        """A message to a peer that has closed, or over a broken connection, is lost; the end tells."""
        self.said.append((me, message))
        found = self.wires.get(wire)
        to = 1 - wire.index(me)
        if found and not found.broken and all(found.open):
            inbox = list(found.inbox)
            inbox[to] += (message,)
            self.wires[wire] = found._replace(inbox=tuple(inbox))
        return self

    def read(self, wire, me):
        """Takes the first message out."""
        found = self.wires[wire]
        inbox = list(found.inbox)
        inbox[wire.index(me)] = inbox[wire.index(me)][1:]
        self.wires[wire] = found._replace(inbox=tuple(inbox))
        return self

    def close(self, wire, me):
        """What the other side has not read yet it still can."""
        found = self.wires.get(wire)
        if found is None:
            return self
        here = wire.index(me)
        inbox, is_open = list(found.inbox), list(found.open)
        inbox[here], is_open[here] = (), False
        if any(is_open):
            self.wires[wire] = found._replace(inbox=tuple(inbox), open=tuple(is_open))
        else:
            del self.wires[wire]
        return self

    def release(self, me):
        """Both bytes; and what was made ready beside the path goes."""
        if self.owner == me:
            self.owner = None
        if self.next == me:
            self.next = None
        return self.withdraw(me)

    def withdraw(self, me):
        if self.prepared == me:
            self.prepared = None
        return self

    def vanish(self, me, step="dead"):
        """Everything a process had is gone, as when it dies. What it had made ready keeps its name."""
        if step == "left":
            self.withdraw(me)
        if self.owner == me:
            self.owner = None
        if self.next == me:
            self.next = None
        for wire in [wire for wire in self.wires if me in wire]:
            self.close(wire, me)
        return self.set(me, **Process(step=step)._asdict())


def hears(world, wire, me):
    """The next message for this end, `end`, or None: nothing yet."""
    for key, found in world.wires:
        if key == wire:
            here = wire.index(me)
            if found.inbox[here]:
                return found.inbox[here][0]
            return "end" if found.broken or not found.open[1 - here] else None
    return "end"
