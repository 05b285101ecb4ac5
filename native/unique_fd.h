// Owner of one file descriptor. A UniqueFd closes; a plain `int` parameter
// only borrows.
#ifndef UNINTERRUPTIBLE_UNIQUE_FD_H_
#define UNINTERRUPTIBLE_UNIQUE_FD_H_

#include <errno.h>
#include <unistd.h>

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // `!fd` would be true for descriptor 0 of a plain number: ask valid().
  bool operator!() const = delete;

  [[nodiscard]] int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  void reset(int fd = -1) {
    if (fd_ >= 0) {
      const int saved = errno;
      // Never retried after EINTR: Linux has freed the number already, and
      // another thread may own it by now.
      ::close(fd_);
      errno = saved;
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

#endif  // UNINTERRUPTIBLE_UNIQUE_FD_H_
