"""The steps a process may be at, by what they mean, and what all of them ask."""

from world import GONE, Draft

WAITING = {"start", "connect", "refused", "asked", "take1", "take2", "partial", "prepare", "ready"}
GIVING = {"give1", "give2", "give"}
CLAIMING = {"claim0", "claim1", "claim2", "claim3"}
LISTENING = {"serve", "yours", "commit", "bye", *GIVING, *CLAIMING}
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
