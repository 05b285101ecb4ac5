#include "plan.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr size_t kPlanBytes = 4096;
constexpr int kMaxFaults = 4;
constexpr int kMaxCalls = 256;
constexpr int kMaxDescriptors = 4096;
constexpr char kArmed = '!';

struct Fault {
  char call[64];
  int number;
  char action[16];
  int value;
  bool hit;
};

struct Counter {
  char call[64];
  int count;
};

// Ours, set by the constructor; all zero in a process that is not of a trial.
pid_t our_pid;
int events = -1;
const char* directory;
volatile const char* plan;
// "old" of the first process, "new" of the second; who comes later has no part
// in it.
const char* side;
bool is_read;
Fault faults[kMaxFaults];
int fault_count;
Counter counters[kMaxCalls];
int counter_count;
int connection = -1;

long Raw(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  return syscall(number, a, b, c, d);
}

long OpenRaw(const char* path, int flags) {
  return Raw(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path), flags, 0600);
}

// The name is taken by the first process that wants it.
bool Claim(const char* name) {
  char path[512];
  snprintf(path, sizeof(path), "%s/claimed-%s", directory, name);
  const long fd = OpenRaw(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC);
  if (fd == -1) return false;
  Raw(SYS_close, fd);
  return true;
}

__attribute__((constructor)) void Begin() {
  directory = getenv("UNINTERRUPTIBLE_TEST_FAULTS");
  if (directory == nullptr) return;
  char path[512];
  snprintf(path, sizeof(path), "%s/events", directory);
  events = static_cast<int>(
      OpenRaw(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC));
  snprintf(path, sizeof(path), "%s/plan", directory);
  const long file = OpenRaw(path, O_RDONLY | O_CLOEXEC);
  if (events == -1 || file == -1) abort();
  void* const mapped = mmap(nullptr, kPlanBytes, PROT_READ, MAP_SHARED,
                            static_cast<int>(file), 0);
  Raw(SYS_close, file);
  if (mapped == MAP_FAILED) abort();
  plan = static_cast<const char*>(mapped);
  our_pid = getpid();
  if (Claim("old")) {
    side = "old";
  } else if (Claim("new")) {
    side = "new";
  }
  Tell("born %s", side == nullptr ? "later" : side);
}

// One fault a line: side call number action value.
void ReadPlan() {
  char text[kPlanBytes];
  for (size_t i = 0; i + 1 < kPlanBytes; i++) text[i] = plan[i + 1];
  text[kPlanBytes - 1] = '\0';
  char* rest;
  for (char* line = strtok_r(text, "\n", &rest); line != nullptr;
       line = strtok_r(nullptr, "\n", &rest)) {
    Fault fault{};
    char whose[8];
    if (sscanf(line, "%7s %63s %d %15s %d", whose, fault.call, &fault.number,
               fault.action, &fault.value) == 5 &&
        strcmp(whose, side) == 0 && fault_count < kMaxFaults) {
      faults[fault_count++] = fault;
    }
  }
}

int Count(const char* call) {
  for (int i = 0; i < counter_count; i++) {
    if (strcmp(counters[i].call, call) == 0) return ++counters[i].count;
  }
  if (counter_count == kMaxCalls) abort();
  Counter& added = counters[counter_count++];
  snprintf(added.call, sizeof(added.call), "%s", call);
  return added.count = 1;
}

// What dies with this process: the clients it has accepted, by their ports.
void TellWhoIsHeld() {
  for (int fd = 0; fd < kMaxDescriptors; fd++) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET) {
      Tell("held %d", ntohs(peer.sin_port));
    }
  }
}

void Signal(int number) {
  // To this thread: it is delivered before the call returns.
  Raw(SYS_tgkill, our_pid, Raw(SYS_gettid), number);
}

void Wait(int milliseconds) {
  timespec left{milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  while (nanosleep(&left, &left) == -1 && errno == EINTR) {
  }
}

Verdict Act(const Fault& fault) {
  using Kind = Verdict::Kind;
  const char* const action = fault.action;
  if (strcmp(action, "kill") == 0) {
    TellWhoIsHeld();
    Signal(SIGKILL);
    for (;;) pause();
  }
  if (strcmp(action, "stop") == 0) {
    Signal(SIGSTOP);
  } else if (strcmp(action, "delay") == 0) {
    Wait(fault.value);
  } else if (strcmp(action, "cut") == 0) {
    Raw(SYS_shutdown, connection, SHUT_RDWR);
  } else if (strcmp(action, "errno") == 0) {
    return {Kind::kFail, fault.value};
  } else if (strcmp(action, "interrupt") == 0) {
    return {Kind::kInterrupt, 0};
  } else if (strcmp(action, "truncate") == 0) {
    return {Kind::kTruncate, 0};
  } else if (strcmp(action, "duplicate") == 0) {
    return {Kind::kDuplicate, 0};
  } else if (strcmp(action, "postpone") == 0) {
    return {Kind::kPostpone, fault.value};
  } else if (strcmp(action, "reorder") == 0) {
    return {Kind::kReorder, fault.value};
  } else {
    abort();
  }
  return {};
}

bool IsIn(const dl_phdr_info* object, const void* address) {
  const ElfW(Addr) where = reinterpret_cast<ElfW(Addr)>(address);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    const ElfW(Addr) start = object->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && where >= start &&
        where < start + part.p_memsz) {
      return true;
    }
  }
  return false;
}

struct Search {
  const void* address;
  Caller found;
};

int Look(dl_phdr_info* object, size_t, void* data) {
  Search* const search = static_cast<Search*>(data);
  if (!IsIn(object, search->address)) return 0;
  const char* const name = object->dlpi_name;
  if (name[0] == '\0' || strstr(name, "/libuv.so") != nullptr) {
    search->found = Caller::kNode;
  } else if (strstr(name, "uninterruptible.node") != nullptr) {
    search->found = Caller::kAddon;
  }
  return 1;
}

}  // namespace

Caller CallerAt(const void* return_address) {
  if (side == nullptr) return Caller::kOther;
  if (getpid() != our_pid || Raw(SYS_gettid) != our_pid) return Caller::kOther;
  Search search{return_address, Caller::kOther};
  dl_iterate_phdr(Look, &search);
  return search.found;
}

Verdict Arrive(const char* call) {
  if (side == nullptr || plan[0] != kArmed) return {};
  if (!is_read) {
    is_read = true;
    ReadPlan();
  }
  const int before = errno;
  const int number = Count(call);
  Tell("at %s %s %d", side, call, number);
  Verdict verdict;
  for (int i = 0; i < fault_count; i++) {
    Fault& fault = faults[i];
    if (fault.hit || fault.number != number || strcmp(fault.call, call) != 0) {
      continue;
    }
    fault.hit = true;
    Tell("hit %s %s %d %s", side, call, number, fault.action);
    verdict = Act(fault);
  }
  errno = before;
  return verdict;
}

void SawConnection(int socket) { connection = socket; }

bool IsOurs(const char* path) {
  if (directory == nullptr) return false;
  const size_t length = strlen(directory);
  if (strncmp(path, directory, length) != 0 || path[length] != '/') {
    return false;
  }
  const char* const name = path + length + 1;
  return strncmp(name, "control", 7) == 0 || strncmp(name, "pid", 3) == 0;
}

void Tell(const char* format, ...) {
  if (events == -1) return;
  char line[256];
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int prefix = snprintf(
      line, sizeof(line), "%lld %d ",
      static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1000000,
      static_cast<int>(our_pid));
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line + prefix, sizeof(line) - static_cast<size_t>(prefix) - 1,
            format, arguments);
  va_end(arguments);
  const size_t length = strlen(line);
  line[length] = '\n';
  Raw(SYS_write, events, reinterpret_cast<long>(line),
      static_cast<long>(length + 1));
}
