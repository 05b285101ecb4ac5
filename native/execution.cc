// Arguments in, and another program in our place or as our child.
#include "execution.h"

#include <memory>

#include "arguments.h"
#include "descriptor.h"
#include "errno_exception.h"
#include "program.h"
#include "spawn.h"
#include "words.h"

napi_value JsExecuteProgram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  Words words;
  std::unique_ptr<int[]> fds;
  size_t fd_count;
  if (!path.Read(env, info[0], "path") || !words.Read(env, info[1], "words") ||
      !ReadDescriptors(env, info[2], "execve", &fds, &fd_count)) {
    return nullptr;
  }
  return ThrowErrno(
      env, BecomeProgram(path.c_str(), words.get(), fds.get(), fd_count));
}

napi_value JsStartProgram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Words paths;
  Words words;
  Words environment;
  Utf8Argument directory;
  std::unique_ptr<int[]> fds;
  size_t fd_count;
  if (!paths.Read(env, info[0], "paths") ||
      !words.Read(env, info[1], "words") ||
      !environment.Read(env, info[2], "environment") ||
      !directory.Read(env, info[3], "directory") ||
      !ReadDescriptors(env, info[4], "dup3", &fds, &fd_count)) {
    return nullptr;
  }
  Result<pid_t> started = StartProgram({
      paths.get(),
      words.after_free_place(),
      environment.get(),
      directory.c_str(),
      fds.get(),
      fd_count,
  });
  if (!started.ok()) return ThrowErrno(env, started.error());
  return Napi::Number::New(env, started.value());
}
