"""Every single fault of one hand-over, and who serves after it: python3 test/model/faults.py

A test does the same to real processes and compares. Each line names who (0 is the owner before), the point as the tests'
fixture calls it, what is done there, and who may serve in the end; null is nobody.
"""

import json

from rules import steps
from world import Draft, start

ACTIONS = ("kill", "break")
NOTHING_LEFT_OUT = frozenset()


def point(draft):
    """The last thing that was done in this step: who and what. None if nothing that can be seen from outside."""
    before, after = draft.world, draft
    who = int(draft.label[1 : draft.label.index(" ")])
    if draft.said:
        return who, f"sent:{draft.said[-1][1]}"
    for lock in ("owner", "next"):
        held = getattr(after, lock) == who
        if held != (getattr(before, lock) == who):
            return who, f"lock:{lock}:{str(held).lower()}"
    words = draft.label.split()
    return (who, f"received:{words[2].rstrip(':')}") if words[1] == "hears" else None


def hurt(world, who, action):
    draft = Draft(world, f"P{who}: {action}")
    if action == "kill":
        return draft.vanish(who).done()[2]
    for wire, found in draft.wires.items():
        if who in wire:
            draft.wires[wire] = found._replace(broken=True)
    return draft.done()[2]


def ends(world):
    """Who serves where nothing more happens by itself, in every order of steps that leads there."""
    seen, stack, owners = {world}, [world], set()
    while stack:
        here = stack.pop()
        after = [draft.done()[2] for draft in steps(here, NOTHING_LEFT_OUT) if draft.kind == "step"]
        if not after:
            serving = [me for me, process in enumerate(here.processes) if process.step == "serve"]
            owners.add(serving[0] if serving else None)
        for each in after:
            if each not in seen:
                seen.add(each)
                stack.append(each)
    return sorted(owners, key=str)


def faults(how):
    """One hand-over, to a process that was started as `how` says, with a fault after each of its steps."""
    world, tried = start(2, {how: 1}), set()
    while True:
        draft = next((draft for draft in steps(world, NOTHING_LEFT_OUT) if "gone" not in draft.label), None)
        if draft is None:
            return
        world, at = draft.done()[2], point(draft)
        for action in ACTIONS:
            # A connection there is not cannot break, and the fixture acts at the first of several.
            if at and at not in tried and (action == "kill" or world.wires):
                yield {"how": how, "who": at[0], "at": at[1], "action": action, "owners": ends(hurt(world, at[0], action))}
        tried.add(at)


if __name__ == "__main__":
    for how in ("launch", "restart"):
        for fault in faults(how):
            print(json.dumps(fault))
