import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { Ownership } from '../../src/handover/ownership.js';
import { Child, closeAfterEach, nativeBinding, own, temporaryDirectory } from '../native/support.js';
import { expectNoDescriptorLeak, openDescriptors } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

let path: string;
let lockPath: string;
beforeEach(() => {
  path = join(temporaryDirectory(), 'control');
  lockPath = `${path}.lock`;
});

/** As another process would have it: OFD locks belong to who opened the file, not to the process. */
function contender(): Ownership {
  return own(Ownership.of(nativeBinding(), path));
}

/** The kernel refuses to lock, or to release, as often as `refusals` says. */
function contenderShortOfMemory(refusals: { tryLock: number; unlock: number }): Ownership {
  const spend = (call: keyof typeof refusals): void => {
    if (refusals[call] === 0) return;
    refusals[call] -= 1;
    throw new Error(`no memory for ${call}`);
  };
  const openLockFile = (at: string): Descriptor => {
    const file = nativeBinding().openLockFile(at);
    const [tryLock, unlock] = [file.tryLock.bind(file), file.unlock.bind(file)];
    return Object.assign(file, {
      tryLock: (byte: number) => {
        spend('tryLock');
        return tryLock(byte);
      },
      unlock: (byte: number) => {
        spend('unlock');
        unlock(byte);
      },
    });
  };
  return own(Ownership.of({ ...nativeBinding(), openLockFile }, path));
}

/** Another process that is the owner until it is killed. */
async function otherProcess(): Promise<Child> {
  const child = Child.fixture('hold-lock', [lockPath]);
  expect(await child.line()).toBe('locked');
  return child;
}

describe('the two locks', requirement('addon', 'proc'), () => {
  test('have one holder each, and know nothing of each other', () => {
    const [one, other] = [contender(), contender()];
    expect(one.tryOwner()).toBe(true);
    expect(other.tryOwner()).toBe(false);
    expect(other.tryNext()).toBe(true);
    expect(one.tryNext()).toBe(false);
    expect([one.isOwner, one.isNext, other.isOwner, other.isNext]).toEqual([true, false, false, true]);
    one.releaseOwner();
    expect(other.tryOwner()).toBe(true);
    expect(one.tryNext()).toBe(false);
    other.releaseNext();
    expect(other.isNext).toBe(false);
    expect(one.tryNext()).toBe(true);
  });

  test('can be asked for again by their holder, and released twice', () => {
    const [one, other] = [contender(), contender()];
    expect([one.tryOwner(), one.tryOwner(), one.tryNext(), one.tryNext()]).toEqual([true, true, true, true]);
    one.releaseOwner();
    one.releaseOwner();
    expect(one.isOwner).toBe(false);
    expect(other.tryOwner()).toBe(true);
  });

  test('next is stuck when the kernel cannot release it, and can be released, or had, again', () => {
    const refusals = { tryLock: 0, unlock: 0 };
    const [one, other] = [contenderShortOfMemory(refusals), contender()];
    for (const again of [() => one.tryNext(), () => one.releaseNext()]) {
      one.tryNext();
      refusals.unlock = 1;
      expect(() => one.releaseNext()).toThrow('no memory');
      expect([one.isNext, one.isStuck, other.tryNext()]).toEqual([false, true, false]);
      again();
      expect(one.isStuck).toBe(false);
    }
    expect([one.isNext, other.tryNext()]).toEqual([false, true]);
  });

  test('are released together by close(), and the file stays', () => {
    const [one, other] = [contender(), contender()];
    one.tryOwner();
    one.tryNext();
    one.close();
    expect([one.isOwner, one.isNext]).toEqual([false, false]);
    expect(existsSync(lockPath)).toBe(true);
    expect([other.tryOwner(), other.tryNext()]).toEqual([true, true]);
  });

  test('come free when their holder is killed, and not before', async () => {
    const one = contender();
    const child = await otherProcess();
    expect(one.tryOwner()).toBe(false);
    await expect(one.takeOwner(50)).resolves.toBe(false);
    const waiting = one.takeOwner(8_000);
    child.process.kill('SIGKILL');
    await expect(waiting).resolves.toBe(true);
    await child.exit();
  });
});

describe('waiting for a lock', requirement('addon', 'proc'), () => {
  test('for byte 0 goes on when it cannot be asked for, and says so if that is how it ends', async () => {
    const one = contenderShortOfMemory({ tryLock: 3, unlock: 0 });
    await expect(one.takeOwner(8_000)).resolves.toBe(true);
    const other = contenderShortOfMemory({ tryLock: 1_000, unlock: 0 });
    await expect(other.takeOwner(50)).rejects.toThrow('no memory for tryLock');
    expect(other.isOwner).toBe(false);
  });

  test('for byte 0 ends when another process is found to be the owner', async () => {
    const [one, other] = [contender(), contender()];
    one.tryOwner();
    let isTaken = false;
    const waiting = other.takeOwner(8_000, undefined, () => isTaken);
    isTaken = true;
    await expect(waiting).resolves.toBe(false);
  });

  test('for byte 0 gives it back when it was free between two later owners only', async () => {
    const one = contender();
    // Not found before it is asked for, and found when it was got.
    const answers = [false, true];
    await expect(one.takeOwner(8_000, undefined, () => answers.shift() === true)).resolves.toBe(false);
    expect(one.isOwner).toBe(false);
    expect(contender().tryOwner()).toBe(true);
  });

  test('for byte 1 in vain is an error that names the file', async () => {
    const [one, other] = [contender(), contender()];
    one.tryNext();
    await expect(other.takeNext(30)).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_OWNERSHIP_TIMEOUT',
      message: expect.stringContaining(lockPath) as string,
    });
    one.releaseNext();
    await other.takeNext(30);
    expect(other.isNext).toBe(true);
  });

  test('ends with the reason of its signal', async () => {
    const [one, other] = [contender(), contender()];
    one.tryNext();
    const abort = new AbortController();
    const waiting = other.takeNext(8_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(other.isNext).toBe(false);
  });
});

describe('a lock file that was removed', requirement('addon', 'proc'), () => {
  test('between opening and locking: the lock of nothing is not taken for one', () => {
    const early = contender();
    unlinkSync(lockPath);
    const late = contender();
    expect(late.tryOwner()).toBe(true);
    const before = openDescriptors().length;
    expect(early.tryOwner()).toBe(false);
    expect(early.tryNext()).toBe(true);
    expect(openDescriptors()).toHaveLength(before);
    late.releaseOwner();
    expect(early.tryOwner()).toBe(true);
    expect(late.tryNext()).toBe(false);
  });

  test('and not made again: whoever locks makes it again', () => {
    const one = contender();
    unlinkSync(lockPath);
    expect(one.tryOwner()).toBe(true);
    expect(contender().tryOwner()).toBe(false);
  });

  test('amid a hand-over is what both sides go on with', () => {
    const [owner, next] = [contender(), contender()];
    owner.tryOwner();
    next.tryNext();
    unlinkSync(lockPath);
    owner.releaseOwner();
    expect(next.tryOwner()).toBe(true);
    expect([owner.tryOwner(), owner.tryNext()]).toEqual([false, false]);
  });

  test('under its owner and restored: who waits for byte 0 of the old one does not get it while the owner lives', () => {
    const [owner, next] = [contender(), contender()];
    owner.tryOwner();
    next.tryNext();
    unlinkSync(lockPath);
    owner.restore();
    expect(next.tryOwner()).toBe(false);
    const another = contender();
    expect([another.tryOwner(), another.tryNext()]).toEqual([false, true]);
    owner.releaseOwner();
    expect(next.tryOwner()).toBe(true);
  });

  test('under its owner is restored by it, and still has one owner', () => {
    const owner = contender();
    owner.tryOwner();
    owner.tryNext();
    owner.restore();
    unlinkSync(lockPath);
    owner.restore();
    expect([owner.isOwner, owner.isNext]).toEqual([true, false]);
    const other = contender();
    expect(other.tryOwner()).toBe(false);
    expect(other.tryNext()).toBe(true);
    owner.releaseOwner();
    expect(other.tryOwner()).toBe(true);
  });

  test('and locked by somebody else is not taken from that one', () => {
    const owner = contender();
    owner.tryOwner();
    unlinkSync(lockPath);
    const usurper = contender();
    usurper.tryOwner();
    const before = openDescriptors().length;
    expect(() => owner.restore()).toThrow(
      expect.objectContaining({ code: 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE' }) as Error,
    );
    expect(openDescriptors()).toHaveLength(before);
    expect(usurper.isOwner).toBe(true);
  });

  test('is removed for good only by who holds both', () => {
    const [one, next, last] = [contender(), contender(), contender()];
    one.tryOwner();
    next.tryNext();
    one.close(true);
    expect(existsSync(lockPath)).toBe(true);
    next.close(true);
    expect(existsSync(lockPath)).toBe(true);
    last.tryOwner();
    last.close(true);
    expect(existsSync(lockPath)).toBe(false);
  });
});
