// AF_UNIX system calls.
#include "unix_socket.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "listening_socket.h"

namespace {

// An abstract name fills sun_path. A path leaves one byte for the terminator,
// which the kernel does not need but readers of getsockname(2) expect.
constexpr size_t kMaxAbstractBytes = sizeof(sockaddr_un::sun_path);
constexpr size_t kMaxPathBytes = kMaxAbstractBytes - 1;

struct UnixAddress {
  sockaddr_un name{};
  socklen_t length = 0;
  // Open as long as `name` goes through its /proc entry.
  UniqueFd directory;

  bool abstract() const { return name.sun_path[0] == '\0'; }
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&name);
  }
};

// Sets a path that is too long for sun_path: its directory is opened, and the
// last component reached as /proc/self/fd/<directory>/<component>.
Outcome SetThroughDirectory(UnixAddress* address, std::string_view path,
                            const char* syscall) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() >= PATH_MAX) {
    return SystemError{ENAMETOOLONG, syscall};
  }
  char directory[PATH_MAX];
  const size_t directory_bytes = slash == 0 ? 1 : slash;
  memcpy(directory, path.data(), directory_bytes);
  directory[directory_bytes] = '\0';
  path.remove_prefix(slash + 1);
  if (path.empty()) return SystemError{EISDIR, syscall};

  address->directory =
      UniqueFd(open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!address->directory.valid()) return LastError("open");
  const int bytes =
      snprintf(address->name.sun_path, sizeof(address->name.sun_path),
               "/proc/self/fd/%d/%.*s", address->directory.get(),
               static_cast<int>(path.size()), path.data());
  if (bytes < 0 || static_cast<size_t>(bytes) > kMaxPathBytes) {
    return SystemError{ENAMETOOLONG, syscall};
  }
  return Nothing{};
}

Result<UnixAddress> MakeAddress(std::string_view name, const char* syscall) {
  UnixAddress address;
  address.name.sun_family = AF_UNIX;
  const bool abstract = !name.empty() && name[0] == '@';
  // An empty name would make the kernel choose one.
  if (name.empty() || (abstract && name.size() == 1) ||
      name.find('\0') != std::string_view::npos) {
    return SystemError{EINVAL, syscall};
  }
  if (name.size() <= (abstract ? kMaxAbstractBytes : kMaxPathBytes)) {
    memcpy(address.name.sun_path, name.data(), name.size());
    if (abstract) address.name.sun_path[0] = '\0';
  } else if (abstract) {
    return SystemError{ENAMETOOLONG, syscall};
  } else {
    Outcome set = SetThroughDirectory(&address, name, syscall);
    if (!set.ok()) return set.error();
  }
  // An abstract name is all bytes of the length given, a path ends at its NUL.
  address.length = static_cast<socklen_t>(
      abstract ? offsetof(sockaddr_un, sun_path) + name.size()
               : sizeof(address.name));
  return address;
}

Result<UniqueFd> CreateSocket(int type) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return LastError("socket");
  return fd;
}

// Gives the socket file its exact mode. Through a descriptor of that very
// inode, so that a name swapped meanwhile is not followed.
Outcome ChangeMode(const char* path, const FileIdentity& bound, mode_t mode) {
  const UniqueFd file(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return LastError("open");
  Result<FileIdentity> opened = IdentifyDescriptor(file.get());
  if (!opened.ok()) return opened.error();
  if (!(opened.value() == bound)) return SystemError{ENOENT, "open"};
  // fchmod(2) refuses O_PATH descriptors.
  char entry[sizeof("/proc/self/fd/") + 11];
  snprintf(entry, sizeof(entry), "/proc/self/fd/%d", file.get());
  if (chmod(entry, mode) == -1) return LastError("chmod");
  return Nothing{};
}

// What follows bind(2) on a path. Its failure must not leave the name behind.
Outcome FinishPath(int socket, const char* path, int backlog,
                   std::optional<mode_t> mode) {
  Result<FileIdentity> bound = IdentifyPath(path);
  if (!bound.ok()) return bound.error();
  if (!S_ISSOCK(bound.value().mode)) return SystemError{ENOTSOCK, "bind"};

  Outcome finished = Nothing{};
  if (mode.has_value()) finished = ChangeMode(path, bound.value(), *mode);
  if (finished.ok()) finished = Listen(socket, backlog);
  if (!finished.ok()) {
    Result<FileIdentity> now = IdentifyPath(path);
    if (now.ok() && now.value() == bound.value()) unlink(path);
  }
  return finished;
}

}  // namespace

Result<UniqueFd> ListenUnix(std::string_view name, int type, int backlog,
                            std::optional<mode_t> mode) {
  Result<UnixAddress> address = MakeAddress(name, "bind");
  if (!address.ok()) return address.error();
  Result<UniqueFd> created = CreateSocket(type);
  if (!created.ok()) return created.error();
  const int fd = created.value().get();

  // bind(2) gives the file the mode of the socket's inode, less the umask: so
  // it can be too narrow for an instant, but never too wide.
  if (mode.has_value() && !address.value().abstract() &&
      fchmod(fd, *mode & 0600) == -1) {
    return LastError("fchmod");
  }
  if (bind(fd, address.value().get(), address.value().length) == -1) {
    return LastError("bind");
  }
  Outcome listening =
      address.value().abstract()
          ? Listen(fd, backlog)
          : FinishPath(fd, address.value().name.sun_path, backlog, mode);
  if (!listening.ok()) return listening.error();
  return created;
}

Result<UniqueFd> ConnectUnix(std::string_view name, int type) {
  Result<UnixAddress> address = MakeAddress(name, "connect");
  if (!address.ok()) return address.error();
  Result<UniqueFd> created = CreateSocket(type);
  if (!created.ok()) return created.error();
  if (connect(created.value().get(), address.value().get(),
              address.value().length) == -1) {
    return LastError("connect");
  }
  return created;
}

Result<UniqueFd> BindDatagram(std::string_view name) {
  Result<UnixAddress> address = MakeAddress(name, "bind");
  if (!address.ok()) return address.error();
  Result<UniqueFd> created = CreateSocket(SOCK_DGRAM);
  if (!created.ok()) return created.error();
  const int fd = created.value().get();
  const int on = 1;
  // Before there is a name: no datagram comes without its sender.
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1) {
    return LastError("setsockopt");
  }
  if (fchmod(fd, 0600) == -1) return LastError("fchmod");
  if (bind(fd, address.value().get(), address.value().length) == -1) {
    return LastError("bind");
  }
  return created;
}

Outcome SendDatagram(std::string_view name, const uint8_t* data, size_t size) {
  Result<UnixAddress> address = MakeAddress(name, "sendto");
  if (!address.ok()) return address.error();
  Result<UniqueFd> created = CreateSocket(SOCK_DGRAM);
  if (!created.ok()) return created.error();
  while (sendto(created.value().get(), data, size, MSG_NOSIGNAL,
                address.value().get(), address.value().length) == -1) {
    if (errno != EINTR) return LastError("sendto");
  }
  return Nothing{};
}

Result<DescriptorPair> CreateSocketPair(int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == -1) {
    return LastError("socketpair");
  }
  return DescriptorPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<ucred> PeerCredentials(int socket) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) ==
      -1) {
    return LastError("getsockopt");
  }
  return credentials;
}
