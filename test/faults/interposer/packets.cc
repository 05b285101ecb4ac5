#include "packets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

ssize_t Send(int socket, const msghdr* message, int flags) {
  return syscall(SYS_sendmsg, socket, message, flags);
}

int Duplicate(int fd) {
  return static_cast<int>(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0));
}

// A packet that is held back, with duplicates of its descriptors and of the
// socket: what it was made of may be gone when it is sent.
class HeldPacket {
 public:
  HeldPacket(int socket, const msghdr* message, int flags)
      : socket_(Duplicate(socket)), flags_(flags) {
    for (size_t i = 0; i < message->msg_iovlen; i++) {
      const iovec& part = message->msg_iov[i];
      const char* const start = static_cast<const char*>(part.iov_base);
      bytes_.insert(bytes_.end(), start, start + part.iov_len);
    }
    const char* const control = static_cast<char*>(message->msg_control);
    if (control == nullptr) return;
    control_.assign(control, control + message->msg_controllen);
    ForEachDescriptor([](int fd) { return Duplicate(fd); });
  }

  HeldPacket(const HeldPacket&) = delete;
  HeldPacket& operator=(const HeldPacket&) = delete;

  // Once, whoever is first.
  void Release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (socket_ == -1) return;
    iovec part{bytes_.data(), bytes_.size()};
    msghdr message = Header();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    static_cast<void>(Send(socket_, &message, flags_));
    ForEachDescriptor([](int fd) {
      syscall(SYS_close, fd);
      return -1;
    });
    syscall(SYS_close, socket_);
    socket_ = -1;
  }

 private:
  msghdr Header() {
    msghdr message{};
    if (!control_.empty()) {
      message.msg_control = control_.data();
      message.msg_controllen = control_.size();
    }
    return message;
  }

  template <typename Change>
  void ForEachDescriptor(Change change) {
    msghdr message = Header();
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; i++) {
        unsigned char* const place = CMSG_DATA(header) + i * sizeof(int);
        int fd;
        memcpy(&fd, place, sizeof(fd));
        fd = change(fd);
        memcpy(place, &fd, sizeof(fd));
      }
    }
  }

  std::mutex mutex_;
  int socket_;
  int flags_;
  std::vector<char> bytes_;
  std::vector<char> control_;
};

// To be sent after the next one.
std::shared_ptr<HeldPacket> overtaken;

std::shared_ptr<HeldPacket> Hold(int socket, const msghdr* message, int flags,
                                 int milliseconds) {
  auto packet = std::make_shared<HeldPacket>(socket, message, flags);
  std::thread([packet, milliseconds] {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    packet->Release();
  }).detach();
  return packet;
}

size_t SizeOf(const msghdr* message) {
  size_t size = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) {
    size += message->msg_iov[i].iov_len;
  }
  return size;
}

}  // namespace

ssize_t SendAsToldBy(const Verdict& verdict, int socket, const msghdr* message,
                     int flags) {
  const ssize_t size = static_cast<ssize_t>(SizeOf(message));
  switch (verdict.kind) {
    case Verdict::Kind::kTruncate: {
      msghdr shorter = *message;
      iovec half{message->msg_iov[0].iov_base, message->msg_iov[0].iov_len / 2};
      shorter.msg_iov = &half;
      shorter.msg_iovlen = 1;
      return Send(socket, &shorter, flags) == -1 ? -1 : size;
    }
    case Verdict::Kind::kDuplicate:
      static_cast<void>(Send(socket, message, flags));
      break;
    case Verdict::Kind::kPostpone:
      Hold(socket, message, flags, verdict.value);
      return size;
    case Verdict::Kind::kReorder:
      overtaken = Hold(socket, message, flags, verdict.value);
      return size;
    default:
      break;
  }
  const ssize_t sent = Send(socket, message, flags);
  if (sent != -1 && overtaken != nullptr) {
    overtaken->Release();
    overtaken.reset();
  }
  return sent;
}
