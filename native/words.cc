// Bytes in, an array of pointers out.
#include "words.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <new>

#include "arguments.h"
#include "errno_exception.h"

bool Words::Read(napi_env env, napi_value value, const char* name) {
  const uint8_t* bytes;
  size_t size;
  if (!ReadBytes(env, value, name, &bytes, &size)) return false;
  if (size == 0 || bytes[size - 1] != 0) {
    char message[96];
    snprintf(message, sizeof(message),
             "The \"%s\" argument must be words that end with a NUL each",
             name);
    ThrowTypeError(env, message);
    return false;
  }
  const size_t count =
      static_cast<size_t>(std::count(bytes, bytes + size, uint8_t{0}));
  text_.reset(new (std::nothrow) char[size]);
  words_.reset(new (std::nothrow) char*[count + 2]);
  if (text_ == nullptr || words_ == nullptr) {
    ThrowErrno(env, {ENOMEM, "execve"});
    return false;
  }
  memcpy(text_.get(), bytes, size);
  words_[0] = nullptr;
  char* word = text_.get();
  for (size_t i = 1; i <= count; i++) {
    words_[i] = word;
    word += strlen(word) + 1;
  }
  words_[count + 1] = nullptr;
  return true;
}
