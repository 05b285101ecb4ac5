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

namespace {

// Reads an array of Descriptors. Two passes, because reading an element can run
// a getter, and that can close what was read before.
bool ReadDescriptors(napi_env env, napi_value array,
                     std::unique_ptr<int[]>* fds, uint32_t* count) {
  bool is_array = false;
  if (array == nullptr || napi_is_array(env, array, &is_array) != napi_ok ||
      !is_array || napi_get_array_length(env, array, count) != napi_ok) {
    ThrowTypeError(env, "The \"descriptors\" argument must be an array");
    return false;
  }
  std::unique_ptr<const Descriptor*[]> descriptors(
      new (std::nothrow) const Descriptor*[*count]);
  fds->reset(new (std::nothrow) int[*count]);
  if (descriptors == nullptr || *fds == nullptr) {
    ThrowErrno(env, {ENOMEM, "execve"});
    return false;
  }
  for (uint32_t i = 0; i < *count; i++) {
    napi_value element;
    if (napi_get_element(env, array, i, &element) != napi_ok) return false;
    descriptors[i] = Unwrap<Descriptor>(env, element);
    if (descriptors[i] == nullptr) {
      ThrowTypeError(env,
                     "The \"descriptors\" argument must hold only Descriptors");
      return false;
    }
  }
  for (uint32_t i = 0; i < *count; i++) (*fds)[i] = descriptors[i]->fd();
  return true;
}

}  // namespace

napi_value JsExecuteProgram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  const uint8_t* bytes;
  size_t size;
  std::unique_ptr<int[]> fds;
  uint32_t fd_count;
  if (!path.Read(env, info[0], "path") ||
      !ReadBytes(env, info[1], "words", &bytes, &size) ||
      !ReadDescriptors(env, info[2], &fds, &fd_count)) {
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
