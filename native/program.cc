// execve(2), pidfd_open(2).
#include "program.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>
#include <new>

#include "file_descriptor.h"

namespace {

// SD_LISTEN_FDS_START of sd_listen_fds(3).
constexpr int kFirst = 3;
// What a shell ends with when it cannot run what it has found.
constexpr int kNotExecutable = 126;

// The headers of the oldest systems this is built on have neither.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
constexpr unsigned kCloseOnExec = 1u << 2;  // CLOSE_RANGE_CLOEXEC

bool SetCloseOnExec(int fd, bool on) {
  const int flags = fcntl(fd, F_GETFD);
  return flags != -1 &&
         fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC) !=
             -1;
}

// As far as the limit goes, and it may have been lowered since.
void CloseOnExecBelowLimit(int first) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == -1) return;
  const rlim_t end = std::min(limit.rlim_cur, static_cast<rlim_t>(INT_MAX));
  for (rlim_t fd = static_cast<rlim_t>(first); fd < end; fd++) {
    SetCloseOnExec(static_cast<int>(fd), true);
  }
}

[[noreturn]] void Die(const char* path, SystemError error) {
  // Node's own descriptors may be overwritten by now: nothing of it is used.
  dprintf(STDERR_FILENO, "uninterruptible exec: %s: %s: %s\n", path,
          error.syscall, strerror(error.number));
  _exit(kNotExecutable);
}

}  // namespace

void CloseOnExecFrom(int first) {
  if (syscall(SYS_close_range, static_cast<unsigned>(first), UINT_MAX,
              kCloseOnExec) == 0) {
    return;
  }
  // Before Linux 5.11. A limit can be a thousand million: only what is open.
  DIR* const open = opendir("/proc/self/fd");
  if (open == nullptr) {
    CloseOnExecBelowLimit(first);
    return;
  }
  while (const dirent* entry = readdir(open)) {
    char* end;
    const long fd = strtol(entry->d_name, &end, 10);
    if (end != entry->d_name && fd >= first) {
      SetCloseOnExec(static_cast<int>(fd), true);
    }
  }
  closedir(open);
}

void ResetSignals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; signal++) {
    sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

SystemError BecomeProgram(const char* path, char* const* arguments,
                          const int* fds, size_t count) {
  const int after = kFirst + static_cast<int>(count);
  std::unique_ptr<UniqueFd[]> high(new (std::nothrow) UniqueFd[count]);
  if (high == nullptr) return {ENOMEM, "execve"};
  // Out of the way first, so that none is overwritten before its turn.
  for (size_t i = 0; i < count; i++) {
    high[i].reset(fcntl(fds[i], F_DUPFD_CLOEXEC, after));
    if (!high[i].valid()) return LastError("fcntl");
  }

  for (size_t i = 0; i < count; i++) {
    Outcome replaced = ReplaceDescriptor(
        high[i].get(), kFirst + static_cast<int>(i), /*close_on_exec=*/false);
    if (!replaced.ok()) Die(path, replaced.error());
  }
  CloseOnExecFrom(after);
  // Node makes them close-on-exec when it starts.
  for (int fd = 0; fd < kFirst; fd++) SetCloseOnExec(fd, false);
  ResetSignals();
  execve(path, arguments, environ);
  Die(path, LastError("execve"));
}

Result<UniqueFd> OpenProcess(pid_t pid) {
  // Close-on-exec by itself.
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return LastError("pidfd_open");
  return process;
}

bool IsProcess(int fd) {
  // Of no signal: EBADF, if it is anything else.
  return syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0) == 0 ||
         errno == ESRCH || errno == EPERM;
}
