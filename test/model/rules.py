"""What each process may do next: docs/protocol.md and src/service/ as a list of steps.

Kinds: `step` happens by itself; `order` may come from an operator, a supervisor or the clock, or never; `fault` is bounded.
`without` names rules that are left out, to see that the model notices.
"""

from condition import CLAIMING, GIVING, WAITING, alive
from outside import breaks, faults, launch
from owner import end, give, serve
from reserve import leave, reserve
from successor import candidate, claim
from world import Draft


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
            # Until the signal has arrived it may still become the owner and say so; more takes longer than a signal.
            if process.step not in {"ready", *CLAIMING}:
                continue
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
        # Who takes the service back and has got byte 0 serves in the same turn of its loop: it hears nothing in between.
        takes_back = process.step in WAITING and world.owner != me
        if process.down is not None and (process.step == "drain" or takes_back):
            yield from reserve(world, me, without)
        if process.step == "drain":
            yield leave(Draft(world, f"P{me} has drained: gone", "order"), me)
    yield from breaks(world)
