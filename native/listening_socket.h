// What TCP and UNIX listeners have in common.
#ifndef UNINTERRUPTIBLE_LISTENING_SOCKET_H_
#define UNINTERRUPTIBLE_LISTENING_SOCKET_H_

#include "result.h"
#include "unique_fd.h"

Outcome Listen(int socket, int backlog);

// One queued connection, non-blocking and close-on-exec. Not valid(): none is
// left, or the listener was shut down.
Result<UniqueFd> AcceptConnection(int listener);

// Both directions, for every duplicate of the descriptor.
Outcome Shutdown(int socket);

#endif  // UNINTERRUPTIBLE_LISTENING_SOCKET_H_
