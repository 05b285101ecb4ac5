// prctl(2) and waitid(2).
#include "child_processes.h"

#include <sys/prctl.h>
#include <sys/wait.h>

namespace {

// 0 in si_pid: nobody has ended.
Result<siginfo_t> WaitFor(idtype_t type, pid_t pid, int options) {
  siginfo_t info{};
  while (waitid(type, static_cast<id_t>(pid), &info,
                WEXITED | WNOHANG | options) == -1) {
    if (errno != EINTR) return LastError("waitid");
  }
  return info;
}

ReapedChild Reaped(const siginfo_t& info) {
  ReapedChild child;
  child.kind = ReapedChild::Kind::kReaped;
  child.pid = info.si_pid;
  if (info.si_code == CLD_EXITED) {
    child.exit_code = info.si_status;
  } else {
    child.signal = info.si_status;
  }
  return child;
}

}  // namespace

Outcome BecomeSubreaper() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1) {
    return LastError("prctl");
  }
  return Nothing{};
}

Result<ReapedChild> WaitForChild(pid_t pid) {
  Result<siginfo_t> ended = WaitFor(P_PID, pid, 0);
  if (ended.ok()) {
    return ended.value().si_pid == 0 ? ReapedChild{} : Reaped(ended.value());
  }
  if (ended.error().number != ECHILD) return ended.error();
  ReapedChild child;
  child.kind = ReapedChild::Kind::kNoChild;
  return child;
}

Result<ReapedChild> ReapChild(pid_t owned) {
  ReapedChild child;
  // Looked at first: whoever is reaped here is lost for libuv.
  Result<siginfo_t> seen = WaitFor(P_ALL, 0, WNOWAIT);
  if (!seen.ok()) {
    if (seen.error().number != ECHILD) return seen.error();
    child.kind = ReapedChild::Kind::kNoChild;
    return child;
  }
  child.pid = seen.value().si_pid;
  if (child.pid == 0) return child;
  if (child.pid == owned) {
    child.kind = ReapedChild::Kind::kOwned;
    return child;
  }
  Result<siginfo_t> reaped = WaitFor(P_PID, child.pid, 0);
  if (!reaped.ok()) return reaped.error();
  return Reaped(reaped.value());
}
