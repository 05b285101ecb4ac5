// What a system call gave: a value, or which call failed and why. The POSIX
// layer knows neither exceptions nor Node-API.
#ifndef UNINTERRUPTIBLE_RESULT_H_
#define UNINTERRUPTIBLE_RESULT_H_

#include <errno.h>

#include <utility>

struct SystemError {
  int number;
  const char* syscall;
};

// The errno of the call that has just failed.
inline SystemError LastError(const char* syscall) { return {errno, syscall}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  // Both implicit, so that a function can return either.
  Result(T value) : value_(std::move(value)) {}
  Result(SystemError error) : error_(error) {}

  bool ok() const { return error_.number == 0; }
  SystemError error() const { return error_; }
  T& value() { return value_; }

 private:
  T value_{};
  SystemError error_{0, nullptr};
};

struct Nothing {};
using Outcome = Result<Nothing>;

#endif  // UNINTERRUPTIBLE_RESULT_H_
