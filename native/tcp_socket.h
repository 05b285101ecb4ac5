// TCP listeners on literal IP addresses. Nothing here resolves a name.
#ifndef UNINTERRUPTIBLE_TCP_SOCKET_H_
#define UNINTERRUPTIBLE_TCP_SOCKET_H_

#include <stdint.h>

#include <string_view>

#include "result.h"
#include "unique_fd.h"

// Bound and listening. `address` is IPv4, or IPv6 with an optional scope
// (`fe80::1%eth0`). TCP_NODELAY and keep-alive are set on the listener, because
// Linux copies them to every accepted socket.
Result<UniqueFd> ListenTcp(std::string_view address, uint16_t port, int backlog,
                           bool ipv6_only);

// What ListenTcp sets for the sake of accepted sockets, on a listener that
// somebody else made.
Outcome TuneTcp(int socket);

#endif  // UNINTERRUPTIBLE_TCP_SOCKET_H_
