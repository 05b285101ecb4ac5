// fcntl(2), dup3(2), pipe2(2), statx(2).
#include "file_descriptor.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>

namespace {

// The bare system call: a binary that calls fstat(3) needs glibc 2.33, and one
// that calls statx(3) glibc 2.28 or musl 1.2.5.
Result<FileIdentity> Identify(int fd, const char* path, int flags) {
  struct statx facts;
  if (syscall(SYS_statx, fd, path, flags, STATX_INO | STATX_TYPE, &facts) ==
      -1) {
    return LastError("statx");
  }
  // As in makedev(3), which musl has only as a macro; Node's fs.Stats.dev.
  const uint64_t major = facts.stx_dev_major;
  const uint64_t minor = facts.stx_dev_minor;
  const uint64_t device = (major & 0xfffff000u) << 32 | (major & 0xfffu) << 8 |
                          (minor & 0xffffff00u) << 12 | (minor & 0xffu);
  return FileIdentity{device, facts.stx_ino, facts.stx_mode};
}

}  // namespace

Result<UniqueFd> Duplicate(int fd) {
  UniqueFd duplicate(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!duplicate.valid()) return LastError("fcntl");
  return duplicate;
}

Result<UniqueFd> Adopt(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags == -1 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == -1) {
    return LastError("fcntl");
  }
  return UniqueFd(fd);
}

Outcome ReplaceDescriptor(int fd, int target, bool close_on_exec) {
  // EBUSY: another thread is between open(2) and installing that number.
  while (dup3(fd, target, close_on_exec ? O_CLOEXEC : 0) == -1) {
    if (errno != EINTR && errno != EBUSY) return LastError("dup3");
  }
  return Nothing{};
}

Result<bool> IsNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags == -1) return LastError("fcntl");
  return (flags & O_NONBLOCK) != 0;
}

Outcome SetNonBlocking(int fd, bool on) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags == -1 ||
      fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == -1) {
    return LastError("fcntl");
  }
  return Nothing{};
}

Result<DescriptorPair> CreatePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return LastError("pipe2");
  return DescriptorPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<FileIdentity> IdentifyDescriptor(int fd) {
  return Identify(fd, "", AT_EMPTY_PATH);
}

Result<FileIdentity> IdentifyPath(const char* path) {
  return Identify(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}
