"""The hand-over, checked in every state it can get into: python3 test/model/check.py

Each scenario starts from an owner that serves and bounds what may happen to it; the search is exhaustive within that. The
mutations leave one rule of the protocol out each and must be noticed, or the model has lost its teeth.
"""

import json
import sys
from array import array
from collections import deque
from concurrent.futures import ProcessPoolExecutor

from condition import OWNING, alive, listens
from rules import steps
from world import start

FAULTS = {"crash", "break", "stop-signal", "timeout", "bad"}

# How many processes, and how often what may happen.
SCENARIOS = {
    "crashes": (3, {"launch": 2, "crash": 2}),
    "children, crashes, a bad version": (3, {"restart": 3, "launch": 1, "crash": 2, "bad": 1}),
    "stopped processes": (3, {"restart": 2, "launch": 2, "stop-signal": 2, "crash": 1}),
    "broken connections, slow processes": (3, {"restart": 2, "launch": 1, "break": 2, "timeout": 1, "crash": 1}),
    "rollback by order": (3, {"restart": 2, "launch": 1, "rollback": 1, "crash": 2, "hurry": 1}),
    "rollback by order, slow": (2, {"restart": 1, "rollback": 2, "timeout": 2}),
    "rollback by order, cut off or stopped": (3, {"restart": 2, "rollback": 1, "break": 1, "stop-signal": 1}),
    "the final stop": (3, {"launch": 2, "term": 1, "crash": 2, "timeout": 1}),
    "the final stop and a rollback": (3, {"restart": 1, "launch": 1, "rollback": 1, "term": 1, "crash": 1}),
    "four processes": (4, {"launch": 3, "restart": 1, "crash": 2}),
}

# Rules that are left out, and the scenario that must notice.
MUTATIONS = {
    "byte 0": "crashes",
    "byte 1": "stopped processes",
    "byte 0 released": "crashes",
    "byte 1 released": "crashes",
    "yours before release": "crashes",
    "accepts until owner": "crashes",
    "owner": "crashes",
    "token": "rollback by order, slow",
    "release": "crashes",
    "rollback": "crashes",
    "bye at hand-over": "crashes",
    "bye at stop": "the final stop",
    "stop order": "the final stop",
    "look": "four processes",
    "killed": "rollback by order, cut off or stopped",
}

# Rules that the model does not need, and the scenario that finds nothing without them.
REDUNDANT = {
    # Whoever could come and go between the first look and byte 0 needs byte 1, which the one that looks has.
    "second look": "four processes",
}


def accepting(world):
    return [me for me, process in enumerate(world.processes) if process.accepts and not process.stopped]


def unsafe(world):
    """What must be true of every state, or the name of what is not."""
    processes = world.processes
    owners = [me for me, process in enumerate(processes) if process.step in OWNING]
    if len(owners) > 1:
        return "two owners"
    if any(world.owner != me for me in owners):
        return "an owner without byte 0"
    if "void token accepted" in world.happened:
        return "what was reported as failed happens"
    if taken_amid(world):
        return "byte 0 is taken amid a hand-over between others"
    harmed = world.happened & {"crash", "killed", "stop-signal", "term"}
    if not harmed:
        if not accepting(world):
            return "nobody accepts, and nobody died"
        if not listens(world, world.path):
            return "the control path refuses, and nobody died"
    if "lost" in world.happened and not world.happened & FAULTS:
        return "a hand-over fails, and nothing went wrong"
    if world.ended and owners and not world.happened & {"crash", "break", "stop-signal", "timeout"}:
        return "a service that was stopped is back"
    return None


def taken_amid(world):
    """Byte 0 is on its way from one to another, both are there, and a third has it. Who is cut off may be that third."""
    if "break" in world.happened:
        return False
    for me, process in enumerate(world.processes):
        if process.step == "commit" and world.owner not in {None, me, process.down}:
            successor = world.processes[process.down]
            hears = successor.step == "ready" and successor.up == me and not successor.stopped
            if hears and not (process.doomed or successor.doomed):
                return True
    return False


def settled(world):
    """Where it may come to rest: one owner, found at the path; or nobody who could be one."""
    processes = world.processes
    live = [(me, process) for me, process in enumerate(processes) if alive(process) and not process.stopped]
    held_by_stopped = [me for me in (world.owner, world.next) if me is not None and processes[me].stopped]
    if world.owner in held_by_stopped or (world.path is not None and processes[world.path].stopped):
        return True  # a stopped owner is an owner: it comes back, and nobody may decide otherwise
    holders = [me for me, process in live if process.sockets]
    waiting = [me for me, process in live if process.step not in {"drain", "serve", "yours", "commit"}]
    owners = [me for me, process in live if process.step == "serve" and not process.term]
    if not holders:
        # Who let go of its duplicates must have done so for an owner.
        return (not waiting and "gave up" not in world.happened) or bool(held_by_stopped)
    if all(waits_for_stopped(world, me) for me in holders):
        return True  # whoever is stopped has to be continued, or to die
    if len(owners) != 1 or world.path != owners[0] or not processes[owners[0]].accepts:
        return False
    if world.next == owners[0]:
        return False  # nobody could take over any more
    # A duplicate nobody accepts from is a black hole, but for that of who would serve again, or hears `bye` of a stopped one.
    owner = owners[0]
    return all(me == owner or processes[me].down == owner or waits_for_stopped(world, me) for me in holders)


def waits_for_stopped(world, me):
    down = world.processes[me].down
    return down is not None and world.processes[down].stopped


class Explored:
    def __init__(self):
        self.states = 0
        self.problem = None
        self.trace = []
        self.messages = set()


def explore(processes, budget, without=frozenset()):
    """Every state, breadth first, so that the trace to a problem is a shortest one."""
    result = Explored()
    first = start(processes, budget)
    numbers, worlds, came = {first: 0}, [first], [None]
    sources, targets = array("I"), array("I")
    queue = deque([0])
    while queue:
        number = queue.popleft()
        world = worlds[number]
        problem = unsafe(world)
        if problem:
            result.problem, result.trace = problem, trace(came, number)
            break
        for draft in steps(world, without):
            kind, label, after = draft.done()
            result.messages.update(message for _, message in draft.said)
            found = numbers.get(after)
            if found is None:
                found = numbers[after] = len(worlds)
                worlds.append(after)
                came.append((number, label))
                queue.append(found)
            if kind == "step":
                sources.append(found)
                targets.append(number)
    else:
        stuck = never_settles(worlds, sources, targets)
        if stuck is not None:
            result.problem, result.trace = "it never comes to rest with one owner", trace(came, stuck)
    result.states = len(worlds)
    return result


def never_settles(worlds, sources, targets):
    """The first state from which no steps, without further faults, lead to rest; None if there is none."""
    before = {}
    for source, target in zip(sources, targets):
        before.setdefault(source, []).append(target)
    good = bytearray(len(worlds))
    queue = deque(number for number, world in enumerate(worlds) if settled(world))
    for number in queue:
        good[number] = 1
    while queue:
        for number in before.get(queue.popleft(), ()):
            if not good[number]:
                good[number] = 1
                queue.append(number)
    bad = good.find(0)
    return None if bad == -1 else bad


def trace(came, number):
    labels = []
    while came[number] is not None:
        number, label = came[number]
        labels.append(label)
    return labels[::-1]


def conversation():
    """A hand-over in which nothing goes wrong: who says what, 0 being the owner before."""
    said, world = [], start(2, {"launch": 1})
    while True:
        draft = next(steps(world, frozenset()), None)
        if draft is None:
            return said
        said += draft.said
        world = draft.done()[2]


def searched(search):
    what, (processes, budget), without = search
    return what, explore(processes, budget, without)


def title(what):
    return f"without {what['without']}" if "without" in what else what["scenario"]


def main(arguments):
    """Without arguments everything; else the scenarios and mutations named, or `conversation`."""
    if arguments == ["conversation"]:
        print(json.dumps(conversation()))
        return 0
    searches = [({"scenario": name}, bounds, frozenset()) for name, bounds in SCENARIOS.items()]
    for rules_left_out, redundant in ((MUTATIONS, {}), (REDUNDANT, {"redundant": True})):
        for rule, name in rules_left_out.items():
            what = {"scenario": name, "without": rule, **redundant}
            searches.append((what, SCENARIOS[name], frozenset([rule])))
    wanted = [search for search in searches if not arguments or title(search[0]) in arguments]
    failed = False
    with ProcessPoolExecutor() as pool:
        for what, found in pool.map(searched, wanted):
            must_fail = "without" in what and "redundant" not in what
            failed = failed or must_fail != (found.problem is not None)
            report(found, **what)
    return 1 if failed else 0


def report(found, **what):
    """One line each, for a person and for a test."""
    found = {"states": found.states, "problem": found.problem, "trace": found.trace, "messages": sorted(found.messages)}
    print(json.dumps({**what, **found}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
