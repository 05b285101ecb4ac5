// Arguments of executeProgram in, and another program in our place.
#include "execution.h"

#include <string.h>

#include <algorithm>
#include <memory>
#include <new>

#include "arguments.h"
#include "descriptor.h"
#include "errno_exception.h"
#include "program.h"

napi_value JsExecuteProgram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  const uint8_t* bytes;
  size_t size;
  std::unique_ptr<int[]> fds;
  size_t fd_count;
  // The bytes last: reading the array can run JavaScript.
  if (!path.Read(env, info[0], "path") ||
      !ReadDescriptors(env, info[2], "execve", &fds, &fd_count) ||
      !ReadBytes(env, info[1], "words", &bytes, &size)) {
    return nullptr;
  }
  if (size == 0 || bytes[size - 1] != 0) {
    return ThrowTypeError(
        env, "The \"words\" argument must be words that end with a NUL each");
  }
  const std::string_view name = path.view();
  const size_t word_count =
      static_cast<size_t>(std::count(bytes, bytes + size, uint8_t{0}));
  std::unique_ptr<char[]> text(new (std::nothrow) char[size]);
  std::unique_ptr<char*[]> words(new (std::nothrow) char*[word_count + 1]);
  std::unique_ptr<char[]> file(new (std::nothrow) char[name.size() + 1]);
  if (text == nullptr || words == nullptr || file == nullptr) {
    return ThrowErrno(env, {ENOMEM, "execve"});
  }
  memcpy(text.get(), bytes, size);
  memcpy(file.get(), name.data(), name.size());
  file[name.size()] = 0;
  char* word = text.get();
  for (size_t i = 0; i < word_count; i++) {
    words[i] = word;
    word += strlen(word) + 1;
  }
  words[word_count] = nullptr;
  return ThrowErrno(
      env, BecomeProgram(file.get(), words.get(), fds.get(), fd_count));
}
