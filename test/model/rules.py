"""What each process may do next: docs/protocol.md and src/service/ as a list of steps.

Kinds: `step` happens by itself; `order` may come from an operator, a supervisor or the clock, or never; `fault` is bounded.
`without` names rules that are left out, to see that the model notices.
"""

from world import GONE, Draft, hears

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


def steps(world, without):
    for me, process in enumerate(world.processes):
        if process.step == "off":
            yield from launch(world, me, without)
        if not alive(process):
            continue
        if process.doomed:
            draft = Draft(world, f"P{me} dies, killed").vanish(me)
            draft.happened |= {"killed"}
            yield draft
        yield from faults(world, me)
        if process.stopped:
            continue
        if process.step in WAITING or process.step == "cold":
            yield from candidate(world, me, without)
        elif process.step in CLAIMING:
            yield from claim(world, me, without)
        elif process.step in GIVING or process.step in {"yours", "commit"}:
            yield from give(world, me, without)
        elif process.step == "serve":
            yield from serve(world, me, without)
        elif process.step == "bye":
            yield from end(world, me, without)
        if process.down is not None and (process.step == "drain" or process.step in WAITING):
            yield from reserve(world, me, without)
        if process.step == "drain":
            yield leave(Draft(world, f"P{me} has drained: gone", "order"), me)
    yield from breaks(world)


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


# ---- what comes from outside


def launch(world, me, without):
    if may(world, "launch"):
        yield Draft(world, f"P{me} is launched", "order").spend("launch").set(me, step="start")
    for parent, process in enumerate(world.processes):
        if process.step != "serve" or process.stopped or not may(world, "restart") or process.term:
            continue
        if not any(other.parent == parent and alive(other) for other in world.processes):
            draft = Draft(world, f"P{parent} restarts: starts P{me}", "order").spend("restart")
            yield draft.set(me, step="start", parent=parent)


def faults(world, me):
    process = world.processes[me]
    if may(world, "crash"):
        draft = Draft(world, f"P{me} dies in {process.step}", "fault").spend("crash").vanish(me)
        if world.owner == me:
            draft.happened -= {"gave up"}  # for whom somebody let go of the sockets is dead: nobody's mistake
        yield draft
    if may(world, "stop-signal") and not process.stopped:
        yield Draft(world, f"P{me} is stopped in {process.step}", "fault").spend("stop-signal").set(me, stopped=True)
    if process.stopped:
        yield Draft(world, f"P{me} continues", "order").set(me, stopped=False)
    if may(world, "term") and not process.term and process.step in LISTENING - {"claim0"}:
        yield Draft(world, f"P{me} is told to stop for good", "order").spend("term").set(me, term=True)


def breaks(world):
    for wire, found in world.wires:
        if may(world, "break") and all(found.open) and not found.broken:
            draft = Draft(world, f"the connection P{wire[0]}-P{wire[1]} breaks", "fault").spend("break")
            draft.wires[wire] = found._replace(broken=True)
            yield draft


# ---- the successor


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


# ---- the owner, and the predecessor


def serve(world, me, without):
    process = world.processes[me]
    for wire, _ in world.wires:
        if wire[1] == me and wire[0] != process.down and hears(world, wire, me) is not None:
            yield greet(world, me, wire, without)
    if process.up is not None:
        heard = hears(world, (me, process.up), me)
        if heard in {"gone", "end"}:
            draft = Draft(world, f"P{me} hears {heard} of P{process.up}, which drained").close((me, process.up), me)
            yield draft.set(me, up=None, asks=None)
        elif heard in {"received", "failed"}:
            draft = Draft(world, f"P{me} hears {heard} of P{process.up}").read((me, process.up), me)
            yield draft.set(me, asks=None)
        elif may(world, "rollback") and process.asks is None and not process.term:
            draft = Draft(world, f"P{me} is told to roll back: take-back", "order").spend("rollback")
            yield draft.set(me, asks=process.up).send((me, process.up), me, "take-back")
        elif may(world, "hurry"):
            yield Draft(world, f"P{me} hurries P{process.up}", "order").spend("hurry").send(
                (me, process.up), me, "hurry"
            )
        if process.asks is not None:
            draft = timeout(world, me, process.asks, "its take-over")
            if draft:
                yield draft.set(me, asks=None)
    if process.term:
        draft = Draft(world, f"P{me} stops: bye")
        if "stop order" in without:
            draft.owner = None
        if process.up is not None and "bye at stop" not in without:
            draft.send((me, process.up), me, "bye")
        yield draft.set(me, step="bye", asks=None)


def greet(world, me, wire, without):
    """The first packet of a candidate."""
    other, process = wire[0], world.processes[me]
    if hears(world, wire, me) == "end":
        return Draft(world, f"P{me} lets go of P{other}").close(wire, me)
    candidate = world.processes[other]
    is_back = candidate.down == me
    void = (is_back and process.asks != other) or candidate.parent not in {None, me} or candidate.doomed
    if void and "token" not in without:
        return Draft(world, f"P{me} refuses P{other}").send(wire, me, "refused").close(wire, me)
    draft = Draft(world, f"P{me} makes P{other} an offer").read(wire, me).send(wire, me, "offer")
    if void:
        draft.happened |= {"void token accepted"}
    return draft.send(wire, me, "listeners").set(me, step="give1", down=other, asks=None)


def kept(draft, me, kill=True):
    """Still the owner: the path is put right, and a child that may not know that it is not wanted is killed."""
    other = draft.processes[me].down
    draft.send((other, me), me, "cancelled").close((other, me), me)
    if kill and draft.processes[other].parent == me and alive(draft.processes[other]):
        draft.set(other, doomed=True)
    draft.path = me
    return draft.set(me, step="serve", down=None)


def give(world, me, without):
    process = world.processes[me]
    other, step = process.down, process.step
    wire = (other, me)
    heard = hears(world, wire, me)
    if step in GIVING:
        due = "ready" if step == "give" else "received"
        if process.term:
            yield kept(Draft(world, f"P{me} is to stop: cancelled"), me)
        elif heard in {"end", "failed"}:
            yield kept(Draft(world, f"P{me} hears {heard} of P{other}: serves on"), me)
        elif heard == due == "received":
            draft = Draft(world, f"P{me} hears received").read(wire, me)
            if step == "give1":
                draft.send(wire, me, "listeners")
            yield draft.set(me, step={"give1": "give2", "give2": "give"}[step])
        elif heard == "ready":
            draft = Draft(world, f"P{me} hears ready, releases byte 0").read(wire, me).set(me, step="yours")
            if "yours before release" in without:
                draft.send(wire, me, "yours")
            elif "byte 0 released" not in without:
                draft.owner = None
            yield draft
        elif heard is None:
            draft = timeout(world, me, other, due)
            if draft:
                yield kept(draft, me)
    elif step == "yours":
        draft = Draft(world, f"P{me} says yours").set(me, step="commit")
        if "yours before release" in without:
            if world.owner == me:
                draft.owner = None
        else:
            draft.send(wire, me, "yours")
        if "accepts until owner" in without:
            draft.set(me, accepts=False)
        yield draft
    else:
        yield from await_owner(world, me, without)


def await_owner(world, me, without):
    process = world.processes[me]
    other = process.down
    wire = (other, me)
    heard = hears(world, wire, me)
    late = None if heard else timeout(world, me, other, "owner")
    if heard == "owner":
        yield given(Draft(world, f"P{me} hears owner of P{other}: drains").read(wire, me), me, without)
        return
    if heard is None and late is None:
        return
    draft = late or Draft(world, f"P{me} hears {heard} of P{other}, byte 0 its own by now")
    if world.owner is None or "byte 0" in without:
        draft.owner = me
        draft.label += ": takes byte 0 back"
        yield kept(draft, me)
    elif heard and world.path != me and world.path is not None:
        draft.label += ": the path has changed, drains"
        yield given(draft, me, without)
    elif (late or heard) and world.processes[other].parent == me and not world.processes[other].doomed:
        draft.label += ": ends its child"
        yield draft.set(other, doomed=True)


def given(draft, me, without):
    """Step 6: whoever connects from here on is the successor's."""
    process = draft.processes[me]
    draft.set(me, step="drain", accepts=False, asks=None)
    if process.up is not None:
        if "bye at hand-over" not in without:
            draft.send((me, process.up), me, "bye").close((me, process.up), me)
        draft.set(me, up=None)
    if process.term:
        # The stop is meant for the service: the new owner hears of it, and there is no way back.
        draft.set(me, term=False, sockets=False)
        if draft.path is not None and alive(draft.processes[draft.path]):
            draft.set(draft.path, term=True)
    return draft


def end(world, me, without):
    """The final stop: only when nobody else can resume may the queues be ended."""
    process = world.processes[me]
    before = process.up
    heard = hears(world, (me, before), me) if before is not None and "bye at stop" not in without else "gone"
    if heard == "failed":
        yield Draft(world, f"P{me} hears failed of P{before}").read((me, before), me)
        return
    draft = Draft(world, f"P{me} ends its listeners, path and lock") if heard else timeout(world, me, before, "received")
    if draft:
        draft.set(me, accepts=False, sockets=False)
        if world.path == me:
            draft.path = None
        draft.ended = True
        yield draft.vanish(me, "left")


# ---- what is kept back


def release(draft, me):
    """Drops the duplicates for good, and the locks with them."""
    process = draft.processes[me]
    draft.release(me)
    if process.up is not None:
        draft.send((me, process.up), me, "failed").close((me, process.up), me)
    return draft.set(me, step="drain", sockets=False, up=None)


def leave(draft, me):
    process = draft.processes[me]
    release(draft, me)
    if process.down is not None and (process.down, me) in draft.wires:
        draft.send((process.down, me), me, "gone")
    return draft.vanish(me, "left")


def reserve(world, me, without):
    """What a process that gave the service away hears of the owner."""
    process = world.processes[me]
    wire = (process.down, me)
    heard = hears(world, wire, me)
    if heard == "bye":
        draft = Draft(world, f"P{me} hears bye: drops its duplicates").read(wire, me)
        if "release" not in without:
            release(draft, me)
        yield draft.send(wire, me, "received").close(wire, me).set(me, step="drain", down=None, up=None)
    elif heard == "hurry":
        yield leave(Draft(world, f"P{me} hears hurry: leaves").read(wire, me), me)
    elif process.step != "drain":
        return  # the exchange tells
    elif heard == "take-back":
        draft = Draft(world, f"P{me} hears take-back").read(wire, me)
        yield draft.set(me, step="start") if process.sockets else draft.send(wire, me, "failed")
    elif heard == "end":
        draft = Draft(world, f"P{me} is cut off from its successor").close(wire, me).set(me, down=None)
        if not process.sockets:
            yield draft
        elif "rollback" in without:
            yield draft
        elif world.owner is None or "byte 0" in without:
            draft.label += ", takes byte 0: serves again"
            draft.owner, draft.path = me, me
            yield draft.set(me, step="serve", accepts=True)
        elif world.processes[world.owner].doomed:
            return  # killed, it is dead before the second is over for which byte 0 is tried
        elif world.processes[world.owner].step in OWNING:
            draft.label += ", byte 0 is an owner's"
            yield draft if "release" in without else release(draft, me)
        else:
            # Who has byte 0 is not ready yet: it has a second to become the owner, or to fail.
            late = timeout(world, me, world.owner, "byte 0")
            if late:
                late.happened |= {"gave up"}
                yield release(late.close(wire, me).set(me, down=None), me)
    elif heard is not None:
        yield Draft(world, f"P{me} hears {heard}").read(wire, me)
