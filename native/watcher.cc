// uv_poll on the environment's loop. The order at the end is libuv's law:
// uv_poll_stop, uv_close, then close(2), or it aborts the process.
#include "watcher.h"

#include "control_socket.h"

Result<Watcher*> Watcher::Open(napi_env env, int fd) {
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    return SystemError{ECANCELED, "uv_poll_init"};
  }
  Watcher* const watcher = new Watcher(env);
  const int status = uv_poll_init(loop, &watcher->poll_, fd);
  if (status != 0) {
    delete watcher;
    return SystemError{-status, "uv_poll_init"};
  }
  watcher->poll_.data = watcher;
  watcher->fd_ = UniqueFd(fd);
  watcher->Unref();
  return watcher;
}

bool Watcher::Attach(ControlSocket* owner, napi_value object,
                     napi_value callback) {
  owner_ = owner;
  napi_value name;
  // The hook first: it keeps the environment until OnClosed, which needs it
  // even if one of the others fails.
  return napi_add_async_cleanup_hook(env_, OnEnvironmentEnd, this, &hook_) ==
             napi_ok &&
         napi_create_string_utf8(env_, "uninterruptible.ControlSocket",
                                 NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_async_init(env_, object, name, &context_) == napi_ok &&
         napi_create_reference(env_, object, 1, &object_) == napi_ok &&
         napi_create_reference(env_, callback, 1, &callback_) == napi_ok;
}

int Watcher::Watch(int events) {
  events_ = events;
  return events == 0 ? uv_poll_stop(&poll_)
                     : uv_poll_start(&poll_, events, OnPoll);
}

void Watcher::Ref() { uv_ref(handle()); }
void Watcher::Unref() { uv_unref(handle()); }

void Watcher::Close() {
  if (uv_is_closing(handle())) return;
  if (owner_ != nullptr) owner_->WatcherClosed();
  owner_ = nullptr;
  uv_poll_stop(&poll_);
  uv_close(handle(), OnClosed);
  fd_.reset();
}

Watcher::~Watcher() {
  if (object_ != nullptr) napi_delete_reference(env_, object_);
  if (callback_ != nullptr) napi_delete_reference(env_, callback_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  // Last: the hook is what keeps the environment until we are done with it.
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
}

void Watcher::OnPoll(uv_poll_t* handle, int status, int events) {
  Watcher* const watcher = static_cast<Watcher*>(handle->data);
  if (status < 0) {
    // POLLERR, for which libuv stops the handle. The error itself is for
    // receive() to report, and what the peer said before it can still be read:
    // keep watching, and call back for all that is watched.
    events = watcher->events_;
    uv_poll_start(&watcher->poll_, events, OnPoll);
  }
  watcher->Notify(events);
}

void Watcher::Notify(int events) {
  const napi_env env = env_;  // the callback may close us
  const Napi::HandleScope scope(env);
  napi_value object;
  napi_value callback;
  napi_value arguments[2];
  if (napi_get_reference_value(env, object_, &object) != napi_ok ||
      napi_get_reference_value(env, callback_, &callback) != napi_ok ||
      napi_get_boolean(env, (events & UV_READABLE) != 0, &arguments[0]) !=
          napi_ok ||
      napi_get_boolean(env, (events & UV_WRITABLE) != 0, &arguments[1]) !=
          napi_ok ||
      napi_make_callback(env, context_, object, callback, 2, arguments,
                         nullptr) == napi_ok) {
    return;
  }
  // There is no JavaScript below us that could catch it. Nothing is pending
  // when a worker was terminated inside the callback.
  bool pending = false;
  napi_value exception;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

void Watcher::OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) {
  static_cast<Watcher*>(data)->Close();
}

void Watcher::OnClosed(uv_handle_t* handle) {
  delete static_cast<Watcher*>(handle->data);
}
