// A program started as a child of this process.
#ifndef UNINTERRUPTIBLE_SPAWN_H_
#define UNINTERRUPTIBLE_SPAWN_H_

#include <stddef.h>
#include <sys/types.h>

#include "result.h"

// Every array of words ends with a null.
struct Program {
  // Where it may be: the first of them that can be executed is.
  const char* const* paths;
  // A place that is free, its own name, and the rest.
  char** arguments;
  char* const* environment;
  const char* directory;
  // What it gets from 2 on, beside 0 and 1 of this process.
  const int* fds;
  size_t fd_count;
};

// Leads a session of its own; every signal is as by default, none is blocked,
// and 0 to 2 block. Returns when it is executed, with its pid: whoever called
// waits for it. No page table is copied, so it takes no longer in a large
// process than in a small one, which fork(2) does.
Result<pid_t> StartProgram(const Program& program);

#endif  // UNINTERRUPTIBLE_SPAWN_H_
