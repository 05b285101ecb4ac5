// libFuzzer target for what JavaScript can call in the addon, compiled with it
// into one library, with ASan and UBSan (see entry-points/build.mjs). Node
// loads that; entry-points/main.ts makes calls of each input.
//
// Here is what JavaScript cannot do: run libFuzzer, turn the event loop, open
// descriptors of any kind, and look at all that are open.
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../../native/node_addon_api.h"

// Its table of contents becomes a part of ours.
#undef NODE_API_MODULE
#define NODE_API_MODULE(name, function)
#include "../../native/addon.cc"

extern "C" int LLVMFuzzerRunDriver(int* count, char*** words,
                                   int (*on_input)(const uint8_t*, size_t));

namespace {

// Room for one message with as many as the kernel allows, not for two: calls
// run out of them, and all are quickly looked at.
constexpr int kDescriptorLimit = 320;

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

// Descriptors: those that were open before are canaries, and so are those that
// were planted since, each where a number had become free.

struct File {
  dev_t device;
  ino_t inode;
  bool operator==(const File& other) const {
    return device == other.device && inode == other.inode;
  }
};

std::optional<File> Identify(int fd) {
  struct stat facts;
  if (fstat(fd, &facts) == -1) return std::nullopt;
  return File{facts.st_dev, facts.st_ino};
}

std::vector<std::optional<File>> OpenFiles() {
  std::vector<std::optional<File>> files(kDescriptorLimit);
  for (int fd = 0; fd < kDescriptorLimit; fd++) files[fd] = Identify(fd);
  return files;
}

std::vector<std::optional<File>> remembered(kDescriptorLimit);
std::vector<std::pair<int, File>> canaries;

Napi::Value Remember(const Napi::CallbackInfo& info) {
  remembered = OpenFiles();
  return info.Env().Undefined();
}

Napi::Value PlantCanary(const Napi::CallbackInfo& info) {
  const int fd = memfd_create("canary", MFD_CLOEXEC);
  if (fd != -1) canaries.emplace_back(fd, *Identify(fd));
  return info.Env().Undefined();
}

std::string Describe(int fd) {
  const std::string entry = "/proc/self/fd/" + std::to_string(fd);
  char target[256];
  const ssize_t size = readlink(entry.c_str(), target, sizeof(target));
  return std::to_string(fd) + " (" +
         (size < 0 ? "closed" : std::string(target, size)) + ")";
}

// '' or the first descriptor that is not what it was. Takes the canaries away.
Napi::Value Difference(const Napi::CallbackInfo& info) {
  for (const auto& [fd, file] : std::exchange(canaries, {})) {
    const std::optional<File> now = Identify(fd);
    if (!now.has_value() || !(*now == file)) {
      return Napi::String::New(
          info.Env(), "a canary was closed or replaced: " + Describe(fd));
    }
    close(fd);
  }
  const std::vector<std::optional<File>> now = OpenFiles();
  for (int fd = 0; fd < kDescriptorLimit; fd++) {
    if (now[fd] == remembered[fd]) continue;
    return Napi::String::New(info.Env(),
                             remembered[fd].has_value()
                                 ? "closed or replaced: " + Describe(fd)
                                 : "left open: " + Describe(fd));
  }
  return Napi::String::New(info.Env(), "");
}

Napi::Value IsBlocking(const Napi::CallbackInfo& info) {
  const int flags = fcntl(info[0].ToNumber().Int32Value(), F_GETFL);
  return Napi::Boolean::New(info.Env(),
                            flags != -1 && (flags & O_NONBLOCK) == 0);
}

int OpenKind(uint32_t kind) {
  constexpr int kSocket = SOCK_NONBLOCK | SOCK_CLOEXEC;
  switch (kind % 16) {
    case 0:
      return memfd_create("foreign", MFD_CLOEXEC);
    case 1:
      return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case 2:
      return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 3:
      return open("/", O_PATH | O_CLOEXEC);
    case 4:
      return eventfd(0, EFD_CLOEXEC);
    case 5:
      return epoll_create1(EPOLL_CLOEXEC);
    case 6:
      return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    case 7:
      return inotify_init1(IN_CLOEXEC);
    case 8:
      return open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case 9:
      return socket(AF_INET, SOCK_DGRAM | kSocket, 0);
    case 10:
      return socket(AF_INET6, SOCK_DGRAM | kSocket, 0);
    case 11:
      return socket(AF_INET, SOCK_STREAM | kSocket, 0);
    case 12:
      return socket(AF_NETLINK, SOCK_RAW | kSocket, 0);
    case 13:
      return socket(AF_UNIX, SOCK_DGRAM | kSocket, 0);
    case 14:
      return socket(AF_UNIX, SOCK_STREAM | kSocket, 0);
    default:
      return socket(AF_UNIX, SOCK_SEQPACKET | kSocket, 0);
  }
}

// Of the kind with that number; -1 if it cannot be had.
Napi::Value Open(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           OpenKind(info[0].ToNumber().Uint32Value()));
}

// A child that has ended and waits to be reaped.
Napi::Value EndedChild(const Napi::CallbackInfo& info) {
  char name[] = "/bin/true";
  char* const words[] = {name, nullptr};
  char* const nothing[] = {nullptr};
  pid_t pid;
  if (posix_spawn(&pid, name, nullptr, nullptr, words, nothing) != 0) pid = 0;
  siginfo_t ignored;
  while (pid != 0 && waitid(P_PID, static_cast<id_t>(pid), &ignored,
                            WEXITED | WNOWAIT) == -1) {
    if (errno != EINTR) Fail("a child can be waited for");
  }
  return Napi::Number::New(info.Env(), pid);
}

Napi::Value ForgetChildren(const Napi::CallbackInfo& info) {
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
  return info.Env().Undefined();
}

// One turn of the event loop: what is ready, and what was closed. JavaScript
// calls it only where no loop runs yet: libuv's cannot be nested.
Napi::Value Turn(const Napi::CallbackInfo& info) {
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(info.Env(), &loop) != napi_ok) {
    Fail("there is an event loop");
  }
  static uv_idle_t* const awake = [&] {
    auto* const handle = new uv_idle_t;
    uv_idle_init(loop, handle);
    uv_idle_start(handle, [](uv_idle_t*) {});
    return handle;
  }();
  static_cast<void>(awake);  // without it an idle loop does nothing
  uv_run(loop, UV_RUN_NOWAIT);
  return info.Env().Undefined();
}

Napi::FunctionReference* on_input;

int OnInput(const uint8_t* data, size_t size) {
  const Napi::Env env = on_input->Env();
  const Napi::HandleScope scope(env);
  on_input->Call({Napi::Buffer<uint8_t>::Copy(env, data, size)});
  if (env.IsExceptionPending())
    Fail(env.GetAndClearPendingException().Message().c_str());
  return 0;
}

// run(words, onInput): never returns.
Napi::Value Run(const Napi::CallbackInfo& info) {
  const rlimit limit = {kDescriptorLimit, kDescriptorLimit};
  if (setrlimit(RLIMIT_NOFILE, &limit) == -1) Fail("there is a limit");

  std::vector<std::string> words{"entry_points"};
  const Napi::Array array = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    words.push_back(array.Get(i).ToString());
  }
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(words.size());
  char** first = pointers.data();

  on_input = new Napi::FunctionReference(
      Napi::Persistent(info[1].As<Napi::Function>()));
  // libFuzzer ends with exit(3), for which Node is not prepared here.
  on_exit([](int status, void*) { _exit(status); }, nullptr);
  _exit(LLVMFuzzerRunDriver(&count, &first, OnInput));
}

Napi::Object InitializeTarget(Napi::Env env, Napi::Object exports) {
  Napi::Object harness = Napi::Object::New(env);
  harness["run"] = Napi::Function::New(env, Run);
  harness["turn"] = Napi::Function::New(env, Turn);
  harness["open"] = Napi::Function::New(env, Open);
  harness["isBlocking"] = Napi::Function::New(env, IsBlocking);
  harness["endedChild"] = Napi::Function::New(env, EndedChild);
  harness["forgetChildren"] = Napi::Function::New(env, ForgetChildren);
  harness["plantCanary"] = Napi::Function::New(env, PlantCanary);
  harness["remember"] = Napi::Function::New(env, Remember);
  harness["difference"] = Napi::Function::New(env, Difference);
  exports["harness"] = harness;
  exports["binding"] = Initialize(env, Napi::Object::New(env));
  return exports;
}

}  // namespace

NAPI_MODULE_INIT() {
  return Napi::RegisterModule(env, exports, InitializeTarget);
}
