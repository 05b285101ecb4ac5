// libFuzzer target for the walk over control messages, compiled with ASan and
// UBSan (see run.mjs). The kernel is played by the input: its bytes are what
// recvmsg(2) leaves in the control buffer, well-formed or not.
//
// What must hold, besides no report of a sanitizer: the descriptors found are
// those that another, simpler walk finds; each is closed once, those that
// nobody asked for too, and nothing else is; whatever was not taken over is
// reported as truncated.
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace {

struct Kernel {
  std::vector<uint8_t> control;
  int flags = 0;
  ssize_t size = 1;
  std::vector<int> closed;
} kernel;

ssize_t FuzzedReceive(int, msghdr* message, int) {
  const size_t count = std::min(kernel.control.size(), message->msg_controllen);
  std::copy_n(kernel.control.data(), count,
              static_cast<uint8_t*>(message->msg_control));
  message->msg_controllen = count;
  message->msg_flags = kernel.flags;
  return kernel.size;
}

int FuzzedClose(int fd) {
  kernel.closed.push_back(fd);
  return 0;
}

int FuzzedPoll(pollfd* entry, nfds_t, int) {
  entry->revents = static_cast<short>(kernel.flags);
  return 1;
}

}  // namespace

#define recvmsg FuzzedReceive
#define close FuzzedClose
#define poll FuzzedPoll
#include "../../native/ancillary_data.cc"
#undef recvmsg
#undef close
#undef poll

namespace {

// From the definition of the format in cmsg(3), by offsets instead of macros.
// `unasked` are those of the kernel's own making.
std::vector<int> DescriptorsIn(const std::vector<uint8_t>& control,
                               std::vector<int>* unasked, bool* whole) {
  std::vector<int> found;
  constexpr size_t kHeader = sizeof(cmsghdr);
  size_t at = 0;
  *whole = true;
  while (control.size() - at >= kHeader) {
    cmsghdr header;
    memcpy(&header, control.data() + at, kHeader);
    if (header.cmsg_len < kHeader || header.cmsg_len > control.size() - at) {
      *whole = false;
      break;
    }
    const bool is_pidfd = header.cmsg_type == 4;
    if (header.cmsg_level == SOL_SOCKET &&
        (header.cmsg_type == SCM_RIGHTS || is_pidfd)) {
      for (size_t data = at + kHeader;
           data + sizeof(int) <= at + header.cmsg_len; data += sizeof(int)) {
        int fd;
        memcpy(&fd, control.data() + data, sizeof(int));
        (is_pidfd ? *unasked : found).push_back(fd);
      }
    }
    const size_t step = (header.cmsg_len + 7) & ~size_t{7};
    if (step > control.size() - at) break;
    at += step;
  }
  return found;
}

void Demand(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  kernel.flags = (data[0] & 1 ? MSG_CTRUNC : 0) | (data[0] & 2 ? MSG_TRUNC : 0);
  kernel.size = data[1] % 3;
  kernel.control.assign(data + 2, data + size);
  kernel.control.resize(std::min(kernel.control.size(), kReceivedControlBytes));
  kernel.closed.clear();

  bool whole;
  std::vector<int> valid;
  const std::vector<int> expected =
      DescriptorsIn(kernel.control, &valid, &whole);
  {
    uint8_t buffer[8];
    Result<ReceivedPacket> result = ReceivePacket(0, buffer, sizeof buffer);
    Demand(result.ok(), "a packet is received");
    const ReceivedPacket& packet = result.value();
    Demand(packet.descriptor_count ==
               std::min(expected.size(), kMaxDescriptorsReceived),
           "all descriptors that there is room for are found");
    for (size_t i = 0; i < packet.descriptor_count; i++) {
      const int fd = expected[i];
      Demand(packet.descriptors[i].get() == fd, "they are the same, in order");
    }
    const bool truncated = !whole || (kernel.flags & MSG_CTRUNC) != 0 ||
                           expected.size() > kMaxDescriptorsReceived;
    Demand(packet.descriptors_truncated == truncated,
           "what is missing is reported");
    Demand(packet.data_truncated == ((kernel.flags & MSG_TRUNC) != 0),
           "so are bytes");
  }
  valid.insert(valid.end(), expected.begin(), expected.end());
  valid.erase(
      std::remove_if(valid.begin(), valid.end(), [](int fd) { return fd < 0; }),
      valid.end());
  std::sort(valid.begin(), valid.end());
  std::sort(kernel.closed.begin(), kernel.closed.end());
  Demand(kernel.closed == valid, "each is closed once, and nothing else");
  return 0;
}
