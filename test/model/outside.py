"""What may come from outside at any time: processes that are started, faults, and the final stop."""

from condition import LISTENING, alive, may
from world import Draft


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
