// The one door to sendmsg(2) and recvmsg(2). Mistakes it exists to prevent:
//  - receiving without MSG_CMSG_CLOEXEC: the next fork leaks a listening
//  socket;
//  - judging a message before its descriptors have owners: error paths leak;
//  - believing that a buffer for n descriptors receives at most n (CMSG_SPACE
//    rounds up), or that there is at most one control message;
//  - an unaligned control buffer, CMSG_LEN mixed up with CMSG_SPACE;
//  - comparing msg_flags with == instead of &;
//  - sending without MSG_NOSIGNAL, blocking the event loop.
#ifndef UNINTERRUPTIBLE_ANCILLARY_DATA_H_
#define UNINTERRUPTIBLE_ANCILLARY_DATA_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <optional>

#include "result.h"
#include "unique_fd.h"

// SCM_MAX_FD of the kernel: it refuses to send more in one message.
inline constexpr size_t kMaxDescriptorsSent = 253;

inline constexpr size_t kControlBytes =
    CMSG_SPACE(kMaxDescriptorsSent * sizeof(int));

// Of a socket with SO_PASSCRED each message says who sent it.
inline constexpr size_t kReceivedControlBytes =
    kControlBytes + CMSG_SPACE(sizeof(ucred));

// The padding of CMSG_SPACE has room for one more than was asked for.
inline constexpr size_t kMaxDescriptorsReceived =
    (kReceivedControlBytes - CMSG_LEN(0)) / sizeof(int);

struct ReceivedPacket {
  enum class Kind {
    kNothing,  // EAGAIN
    kEnd,      // the peer closed
    kEmpty,    // a packet without a byte; its descriptors are closed
    kPacket,
  };
  Kind kind = Kind::kNothing;
  size_t size = 0;
  bool data_truncated = false;
  bool descriptors_truncated = false;
  std::optional<ucred> sender;
  size_t descriptor_count = 0;
  UniqueFd descriptors[kMaxDescriptorsReceived];
};

// False: the queue is full and nothing was sent. A packet is sent whole or not
// at all; EINVAL, without a system call, for more than kMaxDescriptorsSent.
Result<bool> SendPacket(int socket, const uint8_t* data, size_t size,
                        const int* descriptors, size_t count);

// One packet, at most `capacity` bytes of it. All descriptors that arrived are
// close-on-exec and owned by the result.
Result<ReceivedPacket> ReceivePacket(int socket, uint8_t* buffer,
                                     size_t capacity);

#endif  // UNINTERRUPTIBLE_ANCILLARY_DATA_H_
