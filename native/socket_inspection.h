// What a socket is, asked from the kernel: an inherited or received descriptor
// is believed to be nothing else.
#ifndef UNINTERRUPTIBLE_SOCKET_INSPECTION_H_
#define UNINTERRUPTIBLE_SOCKET_INSPECTION_H_

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "result.h"

struct SocketFacts {
  int family = 0;  // AF_*
  int type = 0;    // SOCK_*
  bool listening = false;
  uint16_t port = 0;
  // Of `address`, which can hold any bytes when it is an abstract name.
  size_t address_bytes = 0;
  char address[sizeof(sockaddr_un::sun_path) + INET6_ADDRSTRLEN + IF_NAMESIZE] =
      {};
};

// A UNIX path that was too long for sun_path reads as what it was bound
// through: /proc/self/fd/<number>/<name>.
Result<SocketFacts> InspectSocket(int socket);

#endif  // UNINTERRUPTIBLE_SOCKET_INSPECTION_H_
