// UNIX domain sockets. A name is a path of any length or `@name` in the
// abstract namespace. Names are never cut: what does not fit into sun_path is
// reached through its directory, or refused.
#ifndef UNINTERRUPTIBLE_UNIX_SOCKET_H_
#define UNINTERRUPTIBLE_UNIX_SOCKET_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string_view>

#include "file_descriptor.h"
#include "result.h"
#include "unique_fd.h"

// Bound and listening. With a `mode`, the path is never wider than it and has
// exactly it before the first client can connect; without, it has what the
// umask leaves. Unlinks nothing but what it has itself created and could not
// finish.
Result<UniqueFd> ListenUnix(std::string_view name, int type, int backlog,
                            std::optional<mode_t> mode);

// EAGAIN: the listener's queue is full.
Result<UniqueFd> ConnectUnix(std::string_view name, int type);

// A datagram socket at a path, mode 0600 from its first instant, whose
// datagrams tell who sent them (SO_PASSCRED).
Result<UniqueFd> BindDatagram(std::string_view name);

// One datagram, from a socket of its own. EAGAIN: the receiver's queue is full.
Outcome SendDatagram(std::string_view name, const uint8_t* data, size_t size);

Result<DescriptorPair> CreateSocketPair(int type);

// Of the moment when the peer called connect(2) or listen(2).
Result<ucred> PeerCredentials(int socket);

#endif  // UNINTERRUPTIBLE_UNIX_SOCKET_H_
