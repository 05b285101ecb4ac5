// Plain Node-API: Napi::Error aborts the process when it cannot throw.
#include "errno_exception.h"

#include <limits.h>
#include <stdio.h>

#include "properties.h"

namespace {

// What libuv's table of errors lacks and our calls can give.
struct Description {
  int number;
  const char* code;
  const char* text;
};
constexpr Description kDescriptions[] = {
    {EDQUOT, "EDQUOT", "disk quota exceeded"},
    {ENOLCK, "ENOLCK", "no locks available"},
    {ESTALE, "ESTALE", "stale file handle"},
    {ETOOMANYREFS, "ETOOMANYREFS", "too many descriptors in flight"},
};

constexpr size_t kCodeBytes = 32;
constexpr size_t kTextBytes = 96;

void Describe(int number, char (&code)[kCodeBytes], char (&text)[kTextBytes]) {
  for (const Description& known : kDescriptions) {
    if (known.number != number) continue;
    snprintf(code, sizeof(code), "%s", known.code);
    snprintf(text, sizeof(text), "%s", known.text);
    return;
  }
  uv_err_name_r(-number, code, sizeof(code));
  uv_strerror_r(-number, text, sizeof(text));
}

// An Error about `subject`, which may be empty; null if there can be none.
napi_value CreateException(napi_env env, SystemError error,
                           const char* subject) {
  char code[kCodeBytes];
  char text[kTextBytes];
  Describe(error.number, code, text);
  char message[kCodeBytes + kTextBytes + 32 + PATH_MAX];
  snprintf(message, sizeof(message), "%s: %s, %s%s%s", code, text,
           error.syscall, subject[0] == '\0' ? "" : " ", subject);

  napi_value code_value;
  napi_value message_value;
  napi_value exception;
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value) !=
          napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &message_value) !=
          napi_ok ||
      napi_create_error(env, code_value, message_value, &exception) !=
          napi_ok ||
      !SetNumber(env, exception, "errno", -error.number) ||
      !SetString(env, exception, "syscall", error.syscall)) {
    return nullptr;
  }
  return exception;
}

// Text for a message; a long one may be cut there, the property is whole.
void Print(napi_env env, napi_value string, char* text, size_t size) {
  text[0] = '\0';
  napi_get_value_string_utf8(env, string, text, size, nullptr);
}

}  // namespace

napi_value ThrowErrno(napi_env env, SystemError error) {
  const napi_value exception = CreateException(env, error, "");
  if (exception != nullptr) napi_throw(env, exception);
  return nullptr;
}

napi_value ThrowErrnoOfPath(napi_env env, SystemError error, napi_value path) {
  char text[PATH_MAX];
  Print(env, path, text, sizeof(text));
  const napi_value exception = CreateException(env, error, text);
  if (exception != nullptr && SetValue(env, exception, "path", path)) {
    napi_throw(env, exception);
  }
  return nullptr;
}

napi_value ThrowErrnoOfAddress(napi_env env, SystemError error,
                               napi_value address, int port) {
  char literal[64];
  Print(env, address, literal, sizeof(literal));
  char text[sizeof(literal) + 8];
  snprintf(text, sizeof(text), "%s:%d", literal, port);
  const napi_value exception = CreateException(env, error, text);
  if (exception != nullptr && SetValue(env, exception, "address", address) &&
      SetNumber(env, exception, "port", port)) {
    napi_throw(env, exception);
  }
  return nullptr;
}

napi_value ThrowTypeError(napi_env env, const char* message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}
