"""The owner: who comes to its control path, how it gives the service away, and how it stops for good.

src/handover/predecessor.ts, src/service/hand-over.ts, rollback.ts, stop.ts
"""

from condition import GIVING, alive, listens, may, timeout
from world import Draft, hears


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
    return draft.set(me, step="serve", down=None, killed=False)


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
    if is_anothers(world, me, other):
        yield given(Draft(world, f"P{me} finds P{world.path} at the path: drains"), me, without)
        return
    if process.term and world.owner is not None:
        # Told to stop: whoever holds byte 0 has the service, and who that is need not be known.
        late = timeout(world, me, other, "owner, and is to stop: drains")
        if late:
            yield given(late, me, without)
    if process.killed and "killed" not in without:
        # What it said, or renamed, proves nothing, also once it is dead; it may keep its lock for as long as it likes.
        if world.owner is None:
            draft = Draft(world, f"P{me} takes byte 0 back from P{other}, which it has killed")
            draft.owner = me
            yield kept(draft, me)
        elif not alive(world.processes[other]) and world.path not in {me, None}:
            yield given(Draft(world, f"P{me} has killed P{other}, byte 0 is a third one's: drains"), me, without)
        return
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
        yield draft.set(other, doomed=True).set(me, killed=True)


def is_anothers(world, me, other):
    """Whether a living process is found at the path that is neither: it became the owner since."""
    return world.path not in {me, other} and listens(world, world.path)


def given(draft, me, without):
    """Step 6: whoever connects from here on is the successor's."""
    process = draft.processes[me]
    draft.set(me, step="drain", accepts=False, asks=None, killed=False)
    if draft.processes[process.down].doomed:
        draft.happened |= {"gave up"}
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
