// listen(2), accept4(2), shutdown(2).
#include "listening_socket.h"

#include <sys/socket.h>

namespace {

// Errors of one connection that broke before it was accepted, not of the
// listener: accept(2), "Error handling".
bool ConcernsOneConnection(int number) {
  switch (number) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

Outcome Listen(int socket, int backlog) {
  if (listen(socket, backlog) == -1) return LastError("listen");
  return Nothing{};
}

Result<UniqueFd> AcceptConnection(int listener) {
  for (;;) {
    UniqueFd connection(
        accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.valid()) return connection;
    // EINVAL is what a listener answers after shutdown(2), once its queue is
    // empty.
    if (errno == EAGAIN || errno == EINVAL) return UniqueFd();
    if (!ConcernsOneConnection(errno)) return LastError("accept4");
  }
}

Outcome Shutdown(int socket) {
  if (shutdown(socket, SHUT_RDWR) == -1) return LastError("shutdown");
  return Nothing{};
}
