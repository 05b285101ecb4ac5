// Locks between processes, and the files to put them on. OFD locks belong to
// the open file description: the kernel releases them when its last descriptor
// is closed, however the process dies.
#ifndef UNINTERRUPTIBLE_FILE_LOCK_H_
#define UNINTERRUPTIBLE_FILE_LOCK_H_

#include <stdint.h>

#include <string_view>

#include "result.h"
#include "unique_fd.h"

// False: another open file description holds that byte.
Result<bool> TryLockByte(int file, int64_t byte);
Outcome UnlockByte(int file, int64_t byte);

// Created with mode 0600 if it is not there; a symbolic link is refused.
Result<UniqueFd> OpenLockFile(std::string_view path);

// Has no path of its own; others open it through /proc/<pid>/fd.
Result<UniqueFd> CreateAnonymousFile(std::string_view name);

#endif  // UNINTERRUPTIBLE_FILE_LOCK_H_
