// clone(2) as vfork(2) has it, and execve(2).
#include "spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <memory>
#include <new>

#include "file_descriptor.h"
#include "program.h"
#include "unique_fd.h"

namespace {

constexpr int kFirstGiven = 2;
// Where the child runs, in our memory: a few frames, and what libc needs.
constexpr size_t kStackBytes = 64 * 1024;
constexpr char kShell[] = "/bin/sh";

struct Child {
  const Program& program;
  // For duplicates that are out of the way of the numbers they shall have.
  int* high;
  int report;
};

// Numbers from here on are nobody's in the program.
int FirstFree(const Program& program) {
  return std::max(kFirstGiven + static_cast<int>(program.fd_count),
                  STDERR_FILENO + 1);
}

bool MakeRoom(Child* child) {
  const Program& program = child->program;
  const int free = FirstFree(program);
  for (size_t i = 0; i < program.fd_count; i++) {
    child->high[i] = fcntl(program.fds[i], F_DUPFD_CLOEXEC, free);
    if (child->high[i] == -1) return false;
  }
  const int report = fcntl(child->report, F_DUPFD_CLOEXEC, free);
  if (report == -1) return false;
  child->report = report;
  return true;
}

Outcome GiveDescriptors(const Child& child) {
  for (size_t i = 0; i < child.program.fd_count; i++) {
    Outcome given =
        ReplaceDescriptor(child.high[i], kFirstGiven + static_cast<int>(i),
                          /*close_on_exec=*/false);
    if (!given.ok()) return given;
  }
  // Node's own are close-on-exec, and non-blocking where they are pipes: a
  // program that is not Node would lose what it writes there. Of one that is
  // closed there is nothing to change.
  for (int fd = 0; fd < kFirstGiven; fd++) fcntl(fd, F_SETFD, 0);
  for (int fd = 0; fd <= STDERR_FILENO; fd++) {
    static_cast<void>(SetNonBlocking(fd, false));
  }
  return Nothing{};
}

// As execvp(3) goes through PATH, and runs a script without a first line that
// names its interpreter. Returns if none can be executed, with errno.
void Execute(const Program& program) {
  bool forbidden = false;
  for (const char* const* path = program.paths; *path != nullptr; path++) {
    execve(*path, program.arguments + 1, program.environment);
    switch (errno) {
      case ENOEXEC:
        program.arguments[0] = const_cast<char*>(kShell);
        program.arguments[1] = const_cast<char*>(*path);
        execve(kShell, program.arguments, program.environment);
        return;
      case EACCES:
        forbidden = true;
        continue;
      case ENOENT:
      case ENOTDIR:
      case ESTALE:
      case ENODEV:
      case ETIMEDOUT:
        continue;
      default:
        return;
    }
  }
  if (forbidden) errno = EACCES;
}

// Returns what failed.
SystemError Become(Child* child) {
  if (!MakeRoom(child)) return LastError("fcntl");
  Outcome given = GiveDescriptors(*child);
  if (!given.ok()) return given.error();
  if (chdir(child->program.directory) == -1) return LastError("chdir");
  ResetSignals();
  Execute(child->program);
  return LastError("execve");
}

// Runs in our memory while our thread waits: it may change nothing there that
// is not its own, and must not allocate, for another thread may hold the lock.
int BecomeChild(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  setsid();
  // Its address in it is ours as well: that of a literal.
  const SystemError failure = Become(&child);
  static_cast<void>(!write(child.report, &failure, sizeof(failure)));
  return 127;
}

// Blocks all signals of this thread (Linux: sigprocmask(2) is about no other):
// a handler would run in the child, too, and in our memory.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// The program gets 0 and 1, whatever they are: were they ours because somebody
// had closed them, we would wait for its end.
bool MoveOffStdio(UniqueFd* fd) {
  if (fd->get() > STDERR_FILENO) return true;
  fd->reset(fcntl(fd->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  return fd->valid();
}

}  // namespace

Result<pid_t> StartProgram(const Program& program) {
  Result<DescriptorPair> pipe = CreatePipe();
  if (!pipe.ok()) return pipe.error();
  auto& [read_end, write_end] = pipe.value();
  if (!MoveOffStdio(&read_end) || !MoveOffStdio(&write_end)) {
    return LastError("fcntl");
  }
  // As new aligns it, a stack may begin at its end.
  std::unique_ptr<char[]> stack(new (std::nothrow) char[kStackBytes]);
  std::unique_ptr<int[]> high(new (std::nothrow) int[program.fd_count]);
  if (stack == nullptr || high == nullptr) return SystemError{ENOMEM, "clone"};
  Child child{program, high.get(), write_end.get()};
  pid_t pid;
  {
    const SignalsBlocked blocked;
    pid = clone(BecomeChild, stack.get() + kStackBytes,
                CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  }
  if (pid == -1) return LastError("clone");
  write_end.reset();
  // By a pipe and not by our memory: where a kernel is emulated (qemu) or
  // watched (valgrind), clone is fork, and does not wait.
  SystemError failure;
  ssize_t size;
  while ((size = read(read_end.get(), &failure, sizeof(failure))) == -1 &&
         errno == EINTR) {
  }
  if (size != sizeof(failure)) return pid;
  while (waitpid(pid, nullptr, 0) == -1 && errno == EINTR) {
  }
  return failure;
}
