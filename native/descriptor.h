// The JavaScript class Descriptor: a file descriptor with one owner, the
// object. Closed by close(), garbage collection or the end of the environment.
#ifndef UNINTERRUPTIBLE_DESCRIPTOR_H_
#define UNINTERRUPTIBLE_DESCRIPTOR_H_

#include <sys/socket.h>

#include <memory>
#include <utility>

#include "file_descriptor.h"
#include "native_class.h"
#include "node_addon_api.h"
#include "result.h"
#include "unique_fd.h"

class Descriptor {
 public:
  static constexpr const char* kName = "Descriptor";
  static constexpr napi_type_tag kTypeTag = {0x3f1c1ce6a2f94d0b,
                                             0x9b0d6d5b1f5e7a42};

  // Once per environment, before anything below.
  static bool Define(napi_env env);

  // A new Descriptor. Null after throwing; `fd` is closed then.
  static napi_value New(napi_env env, UniqueFd fd);
  // The same for what a system call gave, or its exception.
  static napi_value New(napi_env env, Result<UniqueFd> result);
  static napi_value NewPair(napi_env env, Result<DescriptorPair> result);
  // Null, in JavaScript, for a descriptor that is not valid().
  static napi_value NewOrNull(napi_env env, Result<UniqueFd> result);

  explicit Descriptor(UniqueFd fd) : fd_(std::move(fd)) {}

  // Borrowed; -1 once closed, which every system call answers with EBADF.
  int fd() const { return fd_.get(); }
  UniqueFd Take() { return std::move(fd_); }

 private:
  static napi_value Construct(napi_env env, napi_callback_info raw);

  // What JavaScript calls, in the order of the interface in binding.ts.
  napi_value GetFd(const Napi::CallbackInfo& info);
  napi_value Close(const Napi::CallbackInfo& info);
  napi_value Release(const Napi::CallbackInfo& info);
  napi_value Duplicate(const Napi::CallbackInfo& info);
  napi_value Inspect(const Napi::CallbackInfo& info);
  napi_value Identity(const Napi::CallbackInfo& info);
  napi_value Listen(const Napi::CallbackInfo& info);
  napi_value Accept(const Napi::CallbackInfo& info);
  napi_value Shutdown(const Napi::CallbackInfo& info);
  napi_value PeerCredentials(const Napi::CallbackInfo& info);
  napi_value TryLock(const Napi::CallbackInfo& info);
  napi_value Unlock(const Napi::CallbackInfo& info);
  napi_value TuneTcp(const Napi::CallbackInfo& info);
  napi_value Replace(const Napi::CallbackInfo& info);
  napi_value IsNonBlocking(const Napi::CallbackInfo& info);
  napi_value SetNonBlocking(const Napi::CallbackInfo& info);

  UniqueFd fd_;
};

// An array of Descriptors as numbers, borrowed, or the exception; `call` is the
// system call they are for.
bool ReadDescriptors(napi_env env, napi_value array, const char* call,
                     std::unique_ptr<int[]>* fds, size_t* count);

// {pid, uid, gid}; null when that is impossible. Shared with ControlSocket.
napi_value NewCredentials(napi_env env, const ucred& credentials);

// The same of the peer, or the exception.
napi_value PeerCredentialsOf(napi_env env, int socket);

#endif  // UNINTERRUPTIBLE_DESCRIPTOR_H_
