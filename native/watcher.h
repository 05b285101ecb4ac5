// A uv_poll_t with everything that must outlive it. Frees itself in libuv's
// close callback, and only there: libuv keeps a pointer to the handle until
// then.
#ifndef UNINTERRUPTIBLE_WATCHER_H_
#define UNINTERRUPTIBLE_WATCHER_H_

#include "node_addon_api.h"
#include "result.h"
#include "unique_fd.h"

class ControlSocket;

class Watcher {
 public:
  // Watches nothing yet and is unreferenced. On success it owns `fd`; on
  // failure that stays with the caller.
  static Result<Watcher*> Open(napi_env env, int fd);

  // Ties it to its JavaScript object and callback, which it keeps alive until
  // it is closed. False: cannot be done, the environment is ending; close it.
  bool Attach(ControlSocket* owner, napi_value object, napi_value callback);

  int fd() const { return fd_.get(); }
  // 0 or an error of libuv.
  int Watch(int events);
  void Ref();
  void Unref();

  // Stops watching and closes the descriptor at once. Not to be used after.
  void Close();

 private:
  explicit Watcher(napi_env env) : env_(env) {}
  ~Watcher();

  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* data);
  static void OnClosed(uv_handle_t* handle);

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&poll_); }
  void Notify(int events);

  uv_poll_t poll_;
  UniqueFd fd_;
  int events_ = 0;
  const napi_env env_;
  ControlSocket* owner_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref object_ = nullptr;
  napi_ref callback_ = nullptr;
};

#endif  // UNINTERRUPTIBLE_WATCHER_H_
