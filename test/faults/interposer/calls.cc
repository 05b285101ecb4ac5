// The system calls themselves, in front of those of libc: the addon's by name,
// of Node's own those the library makes on its paths. The n-th call of a name
// is a point where a fault can be.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packets.h"
#include "plan.h"

namespace {

// The one of libc.
template <typename Function>
Function Next(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

const char* NameOfFcntl(int command) {
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return "fcntl-duplicate";
    case F_OFD_SETLK:
      return "fcntl-lock";
    default:
      return "fcntl-flags";
  }
}

constexpr int kMaxFiles = 4096;
// Descriptors of files of the library's that Node has open for it.
bool file_is_ours[kMaxFiles];

void Remember(int fd, bool ours) {
  if (fd >= 0 && fd < kMaxFiles) file_is_ours[fd] = ours;
}

// Looked at again: Node closes files by system calls that do not come by here.
bool IsOurFile(int fd) {
  if (fd < 0 || fd >= kMaxFiles || !file_is_ours[fd]) return false;
  char link[32];
  char path[512];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  path[length < 0 ? 0 : length] = '\0';
  return file_is_ours[fd] = IsOurs(path);
}

// A step of the protocol is told as a call of access(2) with this path.
constexpr char kStep[] = "/uninterruptible-step/";

template <typename Make>
auto Through(const char* call, Make make) -> decltype(make()) {
  const Verdict verdict = Arrive(call);
  if (verdict.kind == Verdict::Kind::kFail) {
    errno = verdict.value;
    return -1;
  }
  const auto result = make();
  if (verdict.kind == Verdict::Kind::kInterrupt && result != -1) {
    errno = EINTR;
    return -1;
  }
  return result;
}

}  // namespace

#define CALLER CallerAt(__builtin_return_address(0))

// A call of which only the addon's count.
#define OF_ADDON(type, name, parameters, ...)                           \
  extern "C" type name parameters {                                     \
    static const auto next = Next(&name, #name);                        \
    if (CALLER != Caller::kAddon) return next(__VA_ARGS__);             \
    return Through(#name, [&]() -> type { return next(__VA_ARGS__); }); \
  }

// A call of Node's on a path.
#define OF_NODE_ON_PATH(type, name, parameters, path, ...)                     \
  extern "C" type name parameters {                                            \
    static const auto next = Next(&name, #name);                               \
    const Caller caller = CALLER;                                              \
    const bool counts =                                                        \
        caller == Caller::kAddon || (caller == Caller::kNode && IsOurs(path)); \
    if (!counts) return next(__VA_ARGS__);                                     \
    return Through(caller == Caller::kAddon ? #name : "node-" #name,           \
                   [&]() -> type { return next(__VA_ARGS__); });               \
  }

OF_ADDON(int, accept4, (int fd, sockaddr* address, socklen_t* size, int flags),
         fd, address, size, flags)
OF_ADDON(int, bind, (int fd, const sockaddr* address, socklen_t size), fd,
         address, size)
OF_ADDON(int, connect, (int fd, const sockaddr* address, socklen_t size), fd,
         address, size)
OF_ADDON(int, dup2, (int from, int to) noexcept, from, to)
OF_ADDON(int, dup3, (int from, int to, int flags) noexcept, from, to, flags)
OF_ADDON(int, fchmod, (int fd, mode_t mode) noexcept, fd, mode)
OF_ADDON(int, getsockname,
         (int fd, sockaddr* address, socklen_t* size) noexcept, fd, address,
         size)
OF_ADDON(int, getsockopt,
         (int fd, int level, int name, void* value, socklen_t* size) noexcept,
         fd, level, name, value, size)
OF_ADDON(int, listen, (int fd, int backlog) noexcept, fd, backlog)
OF_ADDON(int, memfd_create, (const char* name, unsigned int flags) noexcept,
         name, flags)
OF_ADDON(int, poll, (pollfd * entries, nfds_t count, int timeout), entries,
         count, timeout)
OF_ADDON(int, pipe2, (int* fds, int flags) noexcept, fds, flags)
OF_ADDON(ssize_t, sendto,
         (int fd, const void* data, size_t size, int flags,
          const sockaddr* address, socklen_t length),
         fd, data, size, flags, address, length)
OF_ADDON(int, setsockopt,
         (int fd, int level, int name, const void* value,
          socklen_t size) noexcept,
         fd, level, name, value, size)
OF_ADDON(int, shutdown, (int fd, int how) noexcept, fd, how)
OF_ADDON(int, socket, (int domain, int type, int protocol) noexcept, domain,
         type, protocol)
OF_ADDON(int, socketpair,
         (int domain, int type, int protocol, int* fds) noexcept, domain, type,
         protocol, fds)
OF_ADDON(int, waitid, (idtype_t type, id_t id, siginfo_t* info, int options),
         type, id, info, options)

OF_NODE_ON_PATH(int, chmod, (const char* path, mode_t mode) noexcept, path,
                path, mode)
OF_NODE_ON_PATH(int, rename, (const char* from, const char* to) noexcept, to,
                from, to)
OF_NODE_ON_PATH(int, unlink, (const char* path) noexcept, path, path)

extern "C" int access(const char* path, int mode) noexcept {
  static const auto next = Next(&access, "access");
  if (strncmp(path, kStep, sizeof(kStep) - 1) != 0) return next(path, mode);
  char call[64];
  snprintf(call, sizeof(call), "step:%s", path + sizeof(kStep) - 1);
  static_cast<void>(Arrive(call));
  return 0;
}

// The addon's, to spawn. What the child calls until it is another program
// counts for nobody: it has a thread id of its own.
extern "C" int clone(int (*run)(void*), void* stack, int flags, void* argument,
                     ...) noexcept {
  static const auto next = Next(&clone, "clone");
  va_list arguments;
  va_start(arguments, argument);
  void* const parent = va_arg(arguments, void*);
  void* const storage = va_arg(arguments, void*);
  void* const child = va_arg(arguments, void*);
  va_end(arguments);
  const auto make = [&] {
    return next(run, stack, flags, argument, parent, storage, child);
  };
  return CALLER == Caller::kAddon ? Through("clone", make) : make();
}

extern "C" int close(int fd) {
  static const auto next = Next(&close, "close");
  if (CALLER != Caller::kAddon) return next(fd);
  return Through("close", [&] { return next(fd); });
}

extern "C" int fcntl(int fd, int command, ...) {
  static const auto next = Next(&fcntl, "fcntl");
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (CALLER != Caller::kAddon) return next(fd, command, argument);
  return Through(NameOfFcntl(command),
                 [&] { return next(fd, command, argument); });
}

// The orders of the library to its children: who dies by one is not at fault.
extern "C" int kill(pid_t pid, int signal) noexcept {
  static const auto next = Next(&kill, "kill");
  if (signal == SIGKILL) Tell("kills %d", pid < 0 ? -pid : pid);
  return next(pid, signal);
}

extern "C" int open(const char* path, int flags, ...) {
  static const auto next = Next(&open, "open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (CALLER != Caller::kAddon) return next(path, flags, mode);
  return Through("open", [&] { return next(path, flags, mode); });
}

extern "C" int open64(const char* path, int flags, ...) {
  static const auto next = Next(&open64, "open64");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (CALLER != Caller::kNode || !IsOurs(path)) return next(path, flags, mode);
  return Through("node-open", [&] {
    const int fd = next(path, flags, mode);
    Remember(fd, true);
    return fd;
  });
}

extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static const auto next = Next(&recvmsg, "recvmsg");
  if (CALLER != Caller::kAddon) return next(fd, message, flags);
  SawConnection(fd);
  return Through("recvmsg", [&] { return next(fd, message, flags); });
}

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto next = Next(&sendmsg, "sendmsg");
  if (CALLER != Caller::kAddon) return next(fd, message, flags);
  SawConnection(fd);
  const Verdict verdict = Arrive("sendmsg");
  if (verdict.kind == Verdict::Kind::kFail) {
    // The kernel says so of connections that are over, and of no others.
    if (verdict.value == EPIPE) static_cast<void>(shutdown(fd, SHUT_RDWR));
    errno = verdict.value;
    return -1;
  }
  return SendAsToldBy(verdict, fd, message, flags);
}

extern "C" ssize_t write(int fd, const void* data, size_t size) {
  static const auto next = Next(&write, "write");
  if (!IsOurFile(fd) || CALLER != Caller::kNode) return next(fd, data, size);
  return Through("node-write", [&] { return next(fd, data, size); });
}
