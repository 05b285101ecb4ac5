// Results of the POSIX layer as JavaScript exceptions that look like Node's
// own: `code`, `errno` (negative), `syscall`, and what it was about. Throwing
// never fails hard: where no exception can be thrown (one is pending already,
// or the environment is being terminated) nothing happens.
#ifndef UNINTERRUPTIBLE_ERRNO_EXCEPTION_H_
#define UNINTERRUPTIBLE_ERRNO_EXCEPTION_H_

#include "node_addon_api.h"
#include "result.h"

// All three return the empty value that a native function returns when it
// throws.

// `EADDRINUSE: address already in use, bind`
napi_value ThrowErrno(napi_env env, SystemError error);

// `…, bind /run/app.sock`, with the property `path`.
napi_value ThrowErrnoOfPath(napi_env env, SystemError error, napi_value path);

// `…, bind 127.0.0.1:80`, with the properties `address` and `port`.
napi_value ThrowErrnoOfAddress(napi_env env, SystemError error,
                               napi_value address, int port);

// Wrong arguments and receivers: no code, nobody should catch it.
napi_value ThrowTypeError(napi_env env, const char* message);

#endif  // UNINTERRUPTIBLE_ERRNO_EXCEPTION_H_
