"""Who gave the service away, and could serve again.

src/handover/owner-peer.ts, src/service/leave.ts, reserve.ts
"""

from condition import OWNING, timeout
from owner import is_anothers
from world import Draft, hears


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
        elif is_anothers(world, me, process.down) and "look" not in without:
            draft.label += ", which another has followed"
            yield draft if "release" in without else release(draft, me)
        elif world.owner is None or "byte 0" in without:
            draft.label += ", takes byte 0: serves again"
            draft.owner, draft.path = me, me
            draft.happened -= {"gave up"}
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
