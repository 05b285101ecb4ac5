// The JavaScript class ControlSocket: a UNIX SEQPACKET socket, listening or
// connected, watched by the environment's own event loop. Lives until close()
// or the end of the environment, as Node's handles do; never garbage collected
// while open.
#ifndef UNINTERRUPTIBLE_CONTROL_SOCKET_H_
#define UNINTERRUPTIBLE_CONTROL_SOCKET_H_

#include "native_class.h"
#include "node_addon_api.h"

class Watcher;

class ControlSocket {
 public:
  static constexpr const char* kName = "ControlSocket";
  static constexpr napi_type_tag kTypeTag = {0x8c5e4f0d7b1a4c93,
                                             0xa7d2e1c04f8b6359};

  // The constructor for JavaScript; null after an exception.
  static napi_value Define(napi_env env);

  explicit ControlSocket(Watcher* watcher);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Told by the watcher, whoever closed it.
  void WatcherClosed() { watcher_ = nullptr; }

 private:
  static napi_value Construct(napi_env env, napi_callback_info raw);

  // What JavaScript calls, in the order of the interface in binding.ts.
  napi_value GetFd(const Napi::CallbackInfo& info);
  napi_value Watch(const Napi::CallbackInfo& info);
  napi_value Ref(const Napi::CallbackInfo& info);
  napi_value Unref(const Napi::CallbackInfo& info);
  napi_value Send(const Napi::CallbackInfo& info);
  napi_value Receive(const Napi::CallbackInfo& info);
  napi_value Accept(const Napi::CallbackInfo& info);
  napi_value PeerCredentials(const Napi::CallbackInfo& info);
  napi_value Close(const Napi::CallbackInfo& info);

  // Borrowed; -1 once closed, which every system call answers with EBADF.
  int fd() const;

  Watcher* watcher_;  // null once closed
};

#endif  // UNINTERRUPTIBLE_CONTROL_SOCKET_H_
