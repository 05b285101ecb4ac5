"""The new process, from its start until it serves; and who takes the service back, which is one that has everything already.

src/handover/successor.ts, offering-peer.ts, src/service/start.ts, take-back.ts
"""

from condition import alive, listens, may, timeout
from world import Draft, hears


def give_up(draft, me, again=False):
    """Listeners and locks first, the connection last. Who was taking the service back drains as before."""
    process = draft.processes[me]
    if process.down is None and process.sockets:
        draft.set(me, sockets=False)
    draft.release(me)
    if process.up is not None:
        draft.send((me, process.up), me, "failed").close((me, process.up), me)
    if process.down is not None:
        draft.send((process.down, me), me, "failed")
        return draft.set(me, step="drain", up=None)
    if again and process.parent is None:
        return draft.set(me, step="start", up=None)
    return draft.vanish(me, "left")


def candidate(world, me, without):
    process = world.processes[me]
    if process.step == "start":
        if world.next is None or "byte 1" in without:
            draft = Draft(world, f"P{me} takes byte 1").set(me, step="connect")
            if "byte 1" not in without:
                draft.next = me
            yield draft
        else:
            draft = timeout(world, me, world.next, "byte 1")
            if draft:
                yield give_up(draft, me)
    elif process.step in {"connect", "refused", "cold"}:
        yield from look(world, me, without)
    else:
        yield from exchange(world, me, without)


def look(world, me, without):
    """Connects to whoever is at the control path; takes byte 0 if nobody is."""
    process, at = world.processes[me], world.path
    if process.step != "refused" and listens(world, at):
        # Who is busy is asked again and again, which changes nothing.
        if process.step == "cold" or world.processes[at].step == "serve" or world.processes[at].stopped:
            draft = Draft(world, f"P{me} connects to P{at}: take-over").set(me, step="connect")
            if world.owner == me:
                draft.owner = None
            if (me, at) not in draft.wires and at != me:
                draft.connect(me, at, "take-over").set(me, step="asked", up=at)
            yield draft
    elif process.step == "connect":
        yield Draft(world, f"P{me} finds nobody").set(me, step="refused")
    elif process.step == "refused":
        if world.owner is None or "byte 0" in without:
            draft = Draft(world, f"P{me} takes byte 0")
            draft.owner = me
            yield draft.set(me, step="prepare" if "second look" in without else "cold")
        else:
            yield Draft(world, f"P{me} looks again").set(me, step="connect")
            draft = timeout(world, me, world.owner, "an owner that listens")
            if draft:
                yield give_up(draft, me)
    else:
        draft = Draft(world, f"P{me} still finds nobody: a cold start").set(me, step="prepare")
        draft.ended = False
        yield draft


def bound_elsewhere(world, me):
    """A bind fails with EADDRINUSE."""
    return any(alive(other) and other.sockets for at, other in enumerate(world.processes) if at != me)


def exchange(world, me, without):
    process = world.processes[me]
    wire = (me, process.up)
    heard = hears(world, wire, me) if process.up is not None else None
    step = process.step
    if heard in {"cancelled", "refused"}:
        yield give_up(Draft(world, f"P{me} hears {heard}: gives up").read(wire, me), me)
        return
    if step == "asked":
        if heard == "offer":
            yield Draft(world, f"P{me} hears offer").read(wire, me).set(me, step="take1")
        elif heard == "end":
            yield Draft(world, f"P{me} is cut off: connects again").close(wire, me).set(me, step="connect", up=None)
    elif step in {"take1", "take2"}:
        after = {"take1": "take2", "take2": "prepare"}[step]
        if heard == "listeners":
            draft = Draft(world, f"P{me} hears listeners: received").read(wire, me).send(wire, me, "received")
            yield draft.set(me, step=after, sockets=True)
        elif heard == "end":
            if world.owner is None and process.down is None:
                draft = Draft(world, f"P{me} is cut off amid the listeners, takes byte 0").set(me, step="partial")
                draft.owner = me
                yield draft
            else:
                yield give_up(Draft(world, f"P{me} is cut off amid the listeners"), me, again=True)
    elif step in {"prepare", "partial"}:
        if may(world, "bad"):
            yield give_up(Draft(world, f"P{me} cannot serve: failed", "fault").spend("bad"), me)
        if (step == "partial" or not process.sockets) and bound_elsewhere(world, me):
            yield give_up(Draft(world, f"P{me} cannot bind"), me)
            return
        if world.owner == me:
            draft = Draft(world, f"P{me} has prepared, and is the owner").set(me, step="claim0", sockets=True)
        else:
            draft = Draft(world, f"P{me} says ready").send(wire, me, "ready").set(me, step="ready")
        draft.prepared = me
        yield draft
    elif step == "ready":
        if heard == "yours":
            if world.owner is None or "byte 0" in without:
                draft = Draft(world, f"P{me} hears yours, takes byte 0").read(wire, me).set(me, step="claim0")
                draft.owner = me
                yield draft
            else:
                draft = Draft(world, f"P{me} hears yours, byte 0 is taken").read(wire, me)
                draft.happened |= {"lost"}
                yield give_up(draft, me, again=True)
        elif heard == "end":
            if world.owner is None or "byte 0" in without:
                draft = Draft(world, f"P{me} is cut off, takes byte 0").set(me, step="claim0")
                draft.owner = me
                yield draft
            else:
                yield give_up(Draft(world, f"P{me} is cut off, byte 0 is taken"), me, again=True)
    if heard is None and process.up is not None and step not in {"prepare", "partial"}:
        draft = timeout(world, me, process.up, "its next word")
        if draft:
            yield give_up(draft, me)


def claim(world, me, without):
    """Byte 0 is its own; what follows are renames."""
    process = world.processes[me]
    if process.step == "claim0":
        draft = Draft(world, f"P{me} accepts").set(me, step="claim1", accepts=True)
        draft.happened -= {"gave up"}  # it was for an owner, then
        yield draft
    elif process.step == "claim1":
        draft = Draft(world, f"P{me} renames its socket onto the path").set(me, step="claim2")
        if world.prepared is not None:
            draft.path, draft.prepared = world.prepared, None
        yield draft
    elif process.step == "claim2":
        draft = Draft(world, f"P{me} releases byte 1").set(me, step="claim3")
        if world.next == me and "byte 1 released" not in without:
            draft.next = None
        yield draft
    else:
        draft = Draft(world, f"P{me} serves: owner").set(me, step="serve", asks=None, parent=None)
        if process.up is not None and "owner" not in without:
            draft.send((me, process.up), me, "owner")
        if process.down is not None:
            # The service was taken back: the connection of the hand-over before it means nothing now.
            draft.close((process.down, me), me).set(me, down=None)
        yield draft
