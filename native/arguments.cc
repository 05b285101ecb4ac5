// Every napi status is checked: any of them can fail in an environment that is
// being terminated.
#include "arguments.h"

#include <stdio.h>
#include <sys/socket.h>

#include "errno_exception.h"

namespace {

bool Refuse(napi_env env, const char* name, const char* expected) {
  char message[128];
  snprintf(message, sizeof(message), "The \"%s\" argument must be %s", name,
           expected);
  ThrowTypeError(env, message);
  return false;
}

bool IsOfType(napi_env env, napi_value value, napi_valuetype expected) {
  napi_valuetype type;
  return value != nullptr && napi_typeof(env, value, &type) == napi_ok &&
         type == expected;
}

}  // namespace

bool Utf8Argument::Read(napi_env env, napi_value value, const char* name) {
  if (!IsOfType(env, value, napi_string) ||
      napi_get_value_string_utf8(env, value, bytes_, sizeof(bytes_), &size_) !=
          napi_ok) {
    return Refuse(env, name, "a string");
  }
  return true;
}

bool ReadInteger(napi_env env, napi_value value, const char* name,
                 int64_t minimum, int64_t maximum, int64_t* result) {
  double number;
  // The comparison is false for NaN.
  if (IsOfType(env, value, napi_number) &&
      napi_get_value_double(env, value, &number) == napi_ok &&
      number >= static_cast<double>(minimum) &&
      number <= static_cast<double>(maximum)) {
    *result = static_cast<int64_t>(number);
    if (static_cast<double>(*result) == number) return true;
  }
  char expected[80];
  snprintf(expected, sizeof(expected), "an integer from %lld to %lld",
           static_cast<long long>(minimum), static_cast<long long>(maximum));
  return Refuse(env, name, expected);
}

bool ReadInteger(napi_env env, napi_value value, const char* name, int minimum,
                 int maximum, int* result) {
  int64_t wide;
  if (!ReadInteger(env, value, name, int64_t{minimum}, int64_t{maximum},
                   &wide)) {
    return false;
  }
  *result = static_cast<int>(wide);
  return true;
}

bool ReadBoolean(napi_env env, napi_value value, const char* name,
                 bool* result) {
  if (IsOfType(env, value, napi_boolean) &&
      napi_get_value_bool(env, value, result) == napi_ok) {
    return true;
  }
  return Refuse(env, name, "a boolean");
}

bool ReadBytes(napi_env env, napi_value value, const char* name,
               const uint8_t** data, size_t* size) {
  bool is_typed_array = false;
  napi_typedarray_type type;
  void* bytes = nullptr;
  if (value != nullptr &&
      napi_is_typedarray(env, value, &is_typed_array) == napi_ok &&
      is_typed_array &&
      napi_get_typedarray_info(env, value, &type, size, &bytes, nullptr,
                               nullptr) == napi_ok &&
      type == napi_uint8_array) {
    *data = static_cast<const uint8_t*>(bytes);
    return true;
  }
  return Refuse(env, name, "a Uint8Array");
}

bool ReadFunction(napi_env env, napi_value value, const char* name) {
  return IsOfType(env, value, napi_function) || Refuse(env, name, "a function");
}

bool ReadProperty(napi_env env, napi_value object, const char* name,
                  napi_value* result) {
  if (!IsOfType(env, object, napi_object)) {
    return Refuse(env, "options", "an object");
  }
  return napi_get_named_property(env, object, name, result) == napi_ok;
}

bool ReadSocketType(napi_env env, napi_value value, int* type) {
  char text[sizeof("seqpacket") + 1];
  size_t size = 0;
  if (IsOfType(env, value, napi_string) &&
      napi_get_value_string_utf8(env, value, text, sizeof(text), &size) ==
          napi_ok) {
    const std::string_view name(text, size);
    if (name == "stream") {
      *type = SOCK_STREAM;
      return true;
    }
    if (name == "seqpacket") {
      *type = SOCK_SEQPACKET;
      return true;
    }
  }
  return Refuse(env, "type", "'stream' or 'seqpacket'");
}
