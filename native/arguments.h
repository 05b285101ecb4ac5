// Typed readers of JavaScript values. Each returns false after throwing a
// TypeError that names the argument. They check types only; what a value may
// mean is decided in TypeScript.
#ifndef UNINTERRUPTIBLE_ARGUMENTS_H_
#define UNINTERRUPTIBLE_ARGUMENTS_H_

#include <limits.h>
#include <stdint.h>

#include <string_view>

#include "node_addon_api.h"

// A string as UTF-8, NULs included. Longer than any path can be: it is cut to
// PATH_MAX bytes, which every call that takes a name refuses.
class Utf8Argument {
 public:
  bool Read(napi_env env, napi_value value, const char* name);
  std::string_view view() const { return {bytes_, size_}; }
  // A NUL in it is its end.
  const char* c_str() const { return bytes_; }

 private:
  size_t size_ = 0;
  char bytes_[PATH_MAX + 1];
};

bool ReadInteger(napi_env env, napi_value value, const char* name,
                 int64_t minimum, int64_t maximum, int64_t* result);

bool ReadInteger(napi_env env, napi_value value, const char* name, int minimum,
                 int maximum, int* result);

bool ReadBoolean(napi_env env, napi_value value, const char* name,
                 bool* result);

// The bytes of a Uint8Array (a Buffer is one). They stay valid until
// JavaScript runs again.
bool ReadBytes(napi_env env, napi_value value, const char* name,
               const uint8_t** data, size_t* size);

bool ReadFunction(napi_env env, napi_value value, const char* name);

// A property of an options object; throws what its getter throws.
bool ReadProperty(napi_env env, napi_value object, const char* name,
                  napi_value* result);

// 'stream' or 'seqpacket' as SOCK_STREAM or SOCK_SEQPACKET.
bool ReadSocketType(napi_env env, napi_value value, int* type);

#endif  // UNINTERRUPTIBLE_ARGUMENTS_H_
