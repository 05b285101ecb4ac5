// sigprocmask(2).
#include "signal_mask.h"

#include <signal.h>

Outcome UnblockSignal(int signal) {
  sigset_t set;
  sigemptyset(&set);
  if (sigaddset(&set, signal) == -1) return LastError("sigaddset");
  // Of the calling thread only, on Linux, and all that is wanted: any thread
  // that does not block it can take the signal. pthread_sigmask(3) would need
  // glibc 2.32.
  if (sigprocmask(SIG_UNBLOCK, &set, nullptr) == -1) {
    return LastError("sigprocmask");
  }
  return Nothing{};
}
