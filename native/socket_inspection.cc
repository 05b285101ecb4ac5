// getsockopt(2), getsockname(2) and poll(2), read only.
#include "socket_inspection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

namespace {

Result<int> ReadOption(int socket, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  if (getsockopt(socket, SOL_SOCKET, option, &value, &length) == -1) {
    return LastError("getsockopt");
  }
  return value;
}

// A UNIX listener that was shut down refuses everybody, and still has
// SO_ACCEPTCONN. One that listens has nothing but connections to tell.
bool IsShutDown(int listener) {
  pollfd entry{listener, 0, 0};
  return poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

union AnyAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
  sockaddr_storage storage;
};

void DescribeInternet(const AnyAddress& name, SocketFacts* facts) {
  char* const text = facts->address;
  if (name.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &name.v4.sin_addr, text, INET6_ADDRSTRLEN);
    facts->port = ntohs(name.v4.sin_port);
  } else {
    inet_ntop(AF_INET6, &name.v6.sin6_addr, text, INET6_ADDRSTRLEN);
    facts->port = ntohs(name.v6.sin6_port);
    char interface[IF_NAMESIZE];
    if (name.v6.sin6_scope_id != 0 &&
        if_indextoname(name.v6.sin6_scope_id, interface) != nullptr) {
      const size_t used = strlen(text);
      snprintf(text + used, sizeof(facts->address) - used, "%%%s", interface);
    }
  }
  facts->address_bytes = strlen(text);
}

void DescribeUnix(const AnyAddress& name, socklen_t length,
                  SocketFacts* facts) {
  constexpr size_t kOffset = offsetof(sockaddr_un, sun_path);
  if (length <= kOffset) return;  // unnamed
  const char* const path = name.local.sun_path;
  size_t bytes = length - kOffset;
  if (bytes > sizeof(name.local.sun_path)) {
    bytes = sizeof(name.local.sun_path);
  }
  if (path[0] != '\0') bytes = strnlen(path, bytes);
  memcpy(facts->address, path, bytes);
  if (path[0] == '\0') facts->address[0] = '@';
  facts->address_bytes = bytes;
}

}  // namespace

Result<SocketFacts> InspectSocket(int socket) {
  Result<int> family = ReadOption(socket, SO_DOMAIN);
  if (!family.ok()) return family.error();
  Result<int> type = ReadOption(socket, SO_TYPE);
  if (!type.ok()) return type.error();
  Result<int> listening = ReadOption(socket, SO_ACCEPTCONN);
  if (!listening.ok()) return listening.error();

  AnyAddress name{};
  socklen_t length = sizeof(name);
  if (getsockname(socket, &name.any, &length) == -1) {
    return LastError("getsockname");
  }
  SocketFacts facts;
  facts.family = family.value();
  facts.type = type.value();
  facts.listening = listening.value() != 0 && !IsShutDown(socket);
  if (facts.family == AF_UNIX) {
    DescribeUnix(name, length, &facts);
  } else if (facts.family == AF_INET || facts.family == AF_INET6) {
    DescribeInternet(name, &facts);
  }
  return facts;
}
