import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lifecycle, mayFollow, STATES, type State } from '../src/lifecycle.js';

const state = fc.constantFrom(...STATES);

/** Every state that can be reached from this one, in any number of steps. */
function reachableFrom(from: State): Set<State> {
  const found = new Set<State>();
  const visit = (at: State): void => {
    for (const next of STATES.filter((to) => mayFollow(at, to) && !found.has(to))) {
      found.add(next);
      visit(next);
    }
  };
  visit(from);
  return found;
}

function predecessorsOf(to: State): State[] {
  return STATES.filter((from) => mayFollow(from, to));
}

describe('the states', () => {
  test('of a whole life follow each other', () => {
    expect(STATES).toEqual([
      'idle',
      'starting',
      'taking-over',
      'serving',
      'handing-over',
      'draining',
      'standing-by',
      'stopping',
      'stopped',
    ]);
    STATES.slice(1).forEach((to, at) => {
      expect(mayFollow(STATES[at]!, to), `${STATES[at]} to ${to}`).toBe(true);
    });
  });

  test('lead back to serving from a hand-over that failed, and by a rollback', () => {
    expect(predecessorsOf('serving')).toEqual([
      'starting',
      'taking-over',
      'handing-over',
      'draining',
      'standing-by',
    ]);
  });

  test('all lead to stopped, which is the end', () => {
    const alive = STATES.slice(1, -2);
    expect(predecessorsOf('stopping')).toEqual(alive);
    // At once where nothing is to be ended.
    expect(predecessorsOf('stopped')).toEqual(['idle', 'starting', 'taking-over', 'stopping']);
    expect(reachableFrom('stopped')).toEqual(new Set());
  });

  test('never lead back to the beginning, nor from stopping to serving', () => {
    expect(predecessorsOf('idle')).toEqual([]);
    // Whoever lost a race for the service tries again.
    expect(predecessorsOf('starting')).toEqual(['idle', 'taking-over']);
    expect(reachableFrom('serving')).not.toContain('starting');
    expect(reachableFrom('stopping')).toEqual(new Set(['stopped']));
  });

  test('draining comes after a hand-over only', () => {
    expect(predecessorsOf('draining')).toEqual(['handing-over']);
    expect(predecessorsOf('standing-by')).toEqual(['draining']);
    expect(predecessorsOf('handing-over')).toEqual(['serving']);
  });
});

test('whatever is asked of it, it takes the legal ways, tells of each, and refuses the others unchanged', () => {
  fc.assert(
    fc.property(fc.array(state, { maxLength: 40 }), (wanted) => {
      const told: [State, State][] = [];
      const lifecycle = new Lifecycle((to, from) => told.push([to, from]));
      const expected: [State, State][] = [];
      let model: State = 'idle';
      for (const next of wanted) {
        if (mayFollow(model, next)) {
          lifecycle.to(next);
          expected.push([next, model]);
          model = next;
        } else {
          const error = expect.objectContaining({ code: 'UNINTERRUPTIBLE_STATE_INVALID' }) as Error;
          expect(() => lifecycle.to(next)).toThrow(error);
        }
        expect(lifecycle.state).toBe(model);
        expect(STATES.filter((each) => lifecycle.is(each))).toEqual([model]);
      }
      expect(told).toEqual(expected);
    }),
  );
});
