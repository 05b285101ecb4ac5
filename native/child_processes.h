// How children of this process end: those it has started, and orphans of their
// descendants.
#ifndef UNINTERRUPTIBLE_CHILD_PROCESSES_H_
#define UNINTERRUPTIBLE_CHILD_PROCESSES_H_

#include <stddef.h>
#include <sys/types.h>

#include "result.h"

// From now on orphaned descendants become children of this process, and not of
// pid 1. Inherited by nobody, kept until the end.
Outcome BecomeSubreaper();

struct ReapedChild {
  enum class Kind {
    kReaped,
    kNone,     // no child has ended, or not the one that was asked for
    kNoChild,  // there is no child at all
    kOwned,    // the next one to be reaped is `owned`
  };
  Kind kind = Kind::kNone;
  pid_t pid = 0;
  int exit_code = 0;
  int signal = 0;  // 0, or what ended it
};

// That child, if it has ended. kNoChild: it is none of this process, or
// somebody else has waited for it.
Result<ReapedChild> WaitForChild(pid_t pid);

// One child that has ended. `owned`, which libuv waits for, is left alone: once
// it has been reaped there, ask again.
Result<ReapedChild> ReapChild(pid_t owned);

#endif  // UNINTERRUPTIBLE_CHILD_PROCESSES_H_
