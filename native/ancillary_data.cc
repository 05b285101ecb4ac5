// All the cmsg(3) arithmetic there is. See the header for what it guards.
#include "ancillary_data.h"

#include <poll.h>
#include <string.h>

namespace {

// With each packet, once somebody who has a duplicate of the receiving end has
// set SO_PASSPIDFD on it (Linux 6.5; headers may be older).
constexpr int kScmPidfd = 0x04;

static_assert(CMSG_LEN(sizeof(int)) - CMSG_LEN(0) == sizeof(int),
              "descriptors follow the header without padding between them");

// Takes every descriptor of every control message into an owner, and the
// sender's credentials if there are any.
void Adopt(msghdr* message, ReceivedPacket* packet) {
  const unsigned char* control =
      static_cast<unsigned char*>(message->msg_control);
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr;
       header = CMSG_NXTHDR(message, header)) {
    const size_t offset = reinterpret_cast<unsigned char*>(header) - control;
    // The macros look at the next header only. The kernel never writes such a
    // one; what it means would be anybody's guess.
    if (header->cmsg_len < CMSG_LEN(0) ||
        header->cmsg_len > message->msg_controllen - offset) {
      packet->descriptors_truncated = true;
      return;
    }
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS &&
        header->cmsg_len == CMSG_LEN(sizeof(ucred))) {
      packet->sender.emplace();
      memcpy(&*packet->sender, CMSG_DATA(header), sizeof(ucred));
    }
    const bool is_unasked = header->cmsg_type == kScmPidfd;
    if (header->cmsg_type != SCM_RIGHTS && !is_unasked) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      UniqueFd owner(fd);
      if (is_unasked) continue;
      if (packet->descriptor_count == kMaxDescriptorsReceived) {
        packet->descriptors_truncated = true;
      } else {
        packet->descriptors[packet->descriptor_count++] = std::move(owner);
      }
    }
  }
}

// A read of 0 bytes does not tell an empty packet from the end; poll(2) does.
bool PeerHasClosed(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  while (poll(&entry, 1, 0) == -1) {
    if (errno != EINTR) return false;
  }
  return (entry.revents & (POLLHUP | POLLRDHUP)) != 0;
}

}  // namespace

Result<bool> SendPacket(int socket, const uint8_t* data, size_t size,
                        const int* descriptors, size_t count) {
  if (count > kMaxDescriptorsSent) return SystemError{EINVAL, "sendmsg"};

  alignas(cmsghdr) unsigned char control[kControlBytes];
  iovec vector{const_cast<uint8_t*>(data), size};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (count > 0) {
    const size_t bytes = count * sizeof(int);
    memset(control, 0, CMSG_SPACE(bytes));
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(header), descriptors, bytes);
  }

  while (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == -1) {
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return LastError("sendmsg");
  }
  return true;
}

Result<ReceivedPacket> ReceivePacket(int socket, uint8_t* buffer,
                                     size_t capacity) {
  alignas(cmsghdr) unsigned char control[kReceivedControlBytes];
  iovec vector{buffer, capacity};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);

  ReceivedPacket packet;
  ssize_t size;
  while ((size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)) ==
         -1) {
    if (errno == EAGAIN) return packet;
    if (errno != EINTR) return LastError("recvmsg");
  }

  Adopt(&message, &packet);
  packet.size = static_cast<size_t>(size);
  packet.data_truncated = (message.msg_flags & MSG_TRUNC) != 0;
  packet.descriptors_truncated |= (message.msg_flags & MSG_CTRUNC) != 0;
  if (size > 0) {
    packet.kind = ReceivedPacket::Kind::kPacket;
  } else if (PeerHasClosed(socket)) {
    packet.kind = ReceivedPacket::Kind::kEnd;
  } else {
    packet.kind = ReceivedPacket::Kind::kEmpty;
  }
  return packet;
}
