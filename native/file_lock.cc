// fcntl(2) F_OFD_SETLK, open(2), memfd_create(2).
#include "file_lock.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

namespace {

int SetLock(int file, int64_t byte, short kind) {
  struct flock lock {};  // l_pid must be 0 for OFD locks
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return fcntl(file, F_OFD_SETLK, &lock);
}

// Terminated copy of a name, or why it cannot be one.
Outcome CopyName(std::string_view name, char (&copy)[PATH_MAX],
                 const char* syscall) {
  if (name.find('\0') != std::string_view::npos) {
    return SystemError{EINVAL, syscall};
  }
  if (name.size() >= sizeof(copy)) return SystemError{ENAMETOOLONG, syscall};
  memcpy(copy, name.data(), name.size());
  copy[name.size()] = '\0';
  return Nothing{};
}

}  // namespace

Result<bool> TryLockByte(int file, int64_t byte) {
  if (SetLock(file, byte, F_WRLCK) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return LastError("fcntl");
}

Outcome UnlockByte(int file, int64_t byte) {
  if (SetLock(file, byte, F_UNLCK) == -1) return LastError("fcntl");
  return Nothing{};
}

Result<UniqueFd> OpenLockFile(std::string_view path) {
  char name[PATH_MAX];
  Outcome copied = CopyName(path, name, "open");
  if (!copied.ok()) return copied.error();
  UniqueFd file(
      open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600));
  if (!file.valid()) return LastError("open");
  return file;
}

Result<UniqueFd> CreateAnonymousFile(std::string_view name) {
  char copy[PATH_MAX];
  Outcome copied = CopyName(name, copy, "memfd_create");
  if (!copied.ok()) return copied.error();
  UniqueFd file(memfd_create(copy, MFD_CLOEXEC));
  if (!file.valid()) return LastError("memfd_create");
  return file;
}
