// AF_INET and AF_INET6 system calls.
#include "tcp_socket.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "listening_socket.h"

namespace {

// A dead peer is noticed after 60 + 4 * 15 seconds; the system's default is
// more than two hours.
constexpr int kKeepAliveIdleSeconds = 60;
constexpr int kKeepAliveIntervalSeconds = 15;
constexpr int kKeepAliveProbes = 4;

struct InternetAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;

  InternetAddress() { memset(&v6, 0, sizeof(v6)); }
};

// The interface after the `%` of a link-local address.
Result<uint32_t> ParseScope(const char* scope) {
  const unsigned int index = if_nametoindex(scope);
  if (index == 0) return LastError("if_nametoindex");
  return index;
}

Result<InternetAddress> ParseAddress(std::string_view text, uint16_t port) {
  char literal[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
  if (text.size() >= sizeof(literal) ||
      text.find('\0') != std::string_view::npos) {
    return SystemError{EINVAL, "bind"};
  }
  memcpy(literal, text.data(), text.size());
  literal[text.size()] = '\0';

  InternetAddress address;
  if (inet_pton(AF_INET, literal, &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    address.length = sizeof(address.v4);
    return address;
  }
  char* percent = strchr(literal, '%');
  if (percent != nullptr) *percent = '\0';
  if (inet_pton(AF_INET6, literal, &address.v6.sin6_addr) != 1) {
    return SystemError{EINVAL, "bind"};
  }
  if (percent != nullptr) {
    Result<uint32_t> scope = ParseScope(percent + 1);
    if (!scope.ok()) return scope.error();
    address.v6.sin6_scope_id = scope.value();
  }
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(port);
  address.length = sizeof(address.v6);
  return address;
}

Outcome SetOption(int socket, int level, int option, int value) {
  if (setsockopt(socket, level, option, &value, sizeof(value)) == -1) {
    return LastError("setsockopt");
  }
  return Nothing{};
}

Outcome SetOptions(int socket, int family, bool ipv6_only) {
  Outcome set = SetOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (set.ok()) set = TuneTcp(socket);
  // Both ways, because the default is a sysctl.
  if (set.ok() && family == AF_INET6) {
    return SetOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, ipv6_only ? 1 : 0);
  }
  return set;
}

}  // namespace

Outcome TuneTcp(int socket) {
  const struct {
    int level, option, value;
  } options[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds},
      {IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds},
      {IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes},
  };
  for (const auto& [level, option, value] : options) {
    Outcome set = SetOption(socket, level, option, value);
    if (!set.ok()) return set;
  }
  return Nothing{};
}

Result<UniqueFd> ListenTcp(std::string_view address, uint16_t port, int backlog,
                           bool ipv6_only) {
  Result<InternetAddress> parsed = ParseAddress(address, port);
  if (!parsed.ok()) return parsed.error();
  const int family = parsed.value().any.sa_family;

  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return LastError("socket");
  Outcome set = SetOptions(fd.get(), family, ipv6_only);
  if (!set.ok()) return set.error();
  if (bind(fd.get(), &parsed.value().any, parsed.value().length) == -1) {
    return LastError("bind");
  }
  Outcome listening = Listen(fd.get(), backlog);
  if (!listening.ok()) return listening.error();
  return fd;
}
