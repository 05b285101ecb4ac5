// What a process becomes, and when another one ends.
#ifndef UNINTERRUPTIBLE_PROGRAM_H_
#define UNINTERRUPTIBLE_PROGRAM_H_

#include <stddef.h>
#include <sys/types.h>

#include "result.h"
#include "unique_fd.h"

// No program that is executed gets what is open from this number on, whoever
// opened it: also what this process inherited and knows nothing of.
void CloseOnExecFrom(int first);

// Every signal as by default, none blocked. execve(2) keeps what is ignored,
// and Node ignores SIGPIPE.
void ResetSignals();

// Makes this process another program (execve(2)), with the environment as it
// is. Of its descriptors that gets 0 to 2, and duplicates of `fds` from 3 on;
// every signal is as by default, none is blocked. `arguments` ends with a null.
// Returns only if nothing was changed yet; what fails after that ends the
// process with 126, as in a shell, and says why on stderr.
SystemError BecomeProgram(const char* path, char* const* arguments,
                          const int* fds, size_t count);

// A descriptor that is readable when the process has ended (pidfd_open(2)).
Result<UniqueFd> OpenProcess(pid_t pid);

bool IsProcess(int fd);

#endif  // UNINTERRUPTIBLE_PROGRAM_H_
