"""The steps a process may be at, by what they mean, and what all of them ask."""

from world import GONE, Draft

# Not the owner yet: byte 1, the control path, an offer, two packets of listeners, everything that can fail, and `yours` or
# the end. Who takes the service back goes the same way, and has a `down` meanwhile.
WAITING = {"start", "connect", "refused", "asked", "take1", "take2", "partial", "prepare", "ready"}
# The owner in an exchange, before it releases byte 0; `yours` and `commit` come after that.
GIVING = {"give1", "give2", "give"}
# Byte 0 is got: to accept, to rename the control socket, to release byte 1, to say `owner`.
CLAIMING = {"claim0", "claim1", "claim2", "claim3"}
# Whoever connects to its control socket gets through; `bye` is the final stop, `drain` comes after `owner`.
LISTENING = {"serve", "yours", "commit", "bye", *GIVING, *CLAIMING}
# Believes itself to be the owner.
OWNING = {"serve", "bye", *GIVING, *CLAIMING}


def alive(process):
    return process.step not in GONE


def listens(world, me):
    """Whether a connect to the control path succeeds."""
    return me is not None and world.processes[me].step in LISTENING


def may(world, what):
    return dict(world.left).get(what, 0) > 0


def timeout(world, me, peer, label):
    """A wait that is over. Free of charge if the other side is stopped; else it is a fault: somebody is slow."""
    other = world.processes[peer]
    if other.stopped and alive(other):
        return Draft(world, f"P{me} waits in vain for P{peer}: {label}")
    if may(world, "timeout"):
        return Draft(world, f"P{me} waits in vain for P{peer}: {label}", "fault").spend("timeout")
    return None
