// Table of contents: what the addon exports, as the interface Binding in
// src/binding.ts describes it, and its state for each environment.
#include <limits.h>

#include <optional>

#include "arguments.h"
#include "child_processes.h"
#include "control_socket.h"
#include "descriptor.h"
#include "environment.h"
#include "errno_exception.h"
#include "execution.h"
#include "file_descriptor.h"
#include "file_lock.h"
#include "node_addon_api.h"
#include "program.h"
#include "properties.h"
#include "signal_mask.h"
#include "tcp_socket.h"
#include "unix_socket.h"

namespace {

// Functions that JavaScript calls begin with Js.

napi_value JsListenTcp(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument address;
  int port;
  napi_value value;
  int backlog;
  bool ipv6_only;
  if (!address.Read(env, info[0], "address") ||
      !ReadInteger(env, info[1], "port", 0, UINT16_MAX, &port) ||
      !ReadProperty(env, info[2], "backlog", &value) ||
      !ReadInteger(env, value, "backlog", 0, INT_MAX, &backlog) ||
      !ReadProperty(env, info[2], "ipv6Only", &value) ||
      !ReadBoolean(env, value, "ipv6Only", &ipv6_only)) {
    return nullptr;
  }
  Result<UniqueFd> listener = ListenTcp(
      address.view(), static_cast<uint16_t>(port), backlog, ipv6_only);
  if (!listener.ok()) {
    return ThrowErrnoOfAddress(env, listener.error(), info[0], port);
  }
  return Descriptor::New(env, std::move(listener));
}

// null, or the mode of a socket file.
bool ReadMode(napi_env env, napi_value value, std::optional<mode_t>* mode) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_null) {
    return true;
  }
  int bits;
  if (!ReadInteger(env, value, "mode", 0, 0777, &bits)) return false;
  *mode = static_cast<mode_t>(bits);
  return true;
}

napi_value JsListenUnix(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  napi_value value;
  int type;
  int backlog;
  std::optional<mode_t> mode;
  if (!path.Read(env, info[0], "path") ||
      !ReadProperty(env, info[1], "type", &value) ||
      !ReadSocketType(env, value, &type) ||
      !ReadProperty(env, info[1], "backlog", &value) ||
      !ReadInteger(env, value, "backlog", 0, INT_MAX, &backlog) ||
      !ReadProperty(env, info[1], "mode", &value) ||
      !ReadMode(env, value, &mode)) {
    return nullptr;
  }
  Result<UniqueFd> listener = ListenUnix(path.view(), type, backlog, mode);
  if (!listener.ok()) {
    return ThrowErrnoOfPath(env, listener.error(), info[0]);
  }
  return Descriptor::New(env, std::move(listener));
}

napi_value JsConnectUnix(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  int type;
  if (!path.Read(env, info[0], "path") ||
      !ReadSocketType(env, info[1], &type)) {
    return nullptr;
  }
  Result<UniqueFd> connection = ConnectUnix(path.view(), type);
  if (!connection.ok()) {
    return ThrowErrnoOfPath(env, connection.error(), info[0]);
  }
  return Descriptor::New(env, std::move(connection));
}

napi_value JsSocketPair(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int type;
  if (!ReadSocketType(env, info[0], &type)) return nullptr;
  return Descriptor::NewPair(env, CreateSocketPair(type));
}

napi_value JsPipe(napi_env env, napi_callback_info) {
  return Descriptor::NewPair(env, CreatePipe());
}

napi_value JsOpenLockFile(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  if (!path.Read(env, info[0], "path")) return nullptr;
  Result<UniqueFd> file = OpenLockFile(path.view());
  if (!file.ok()) return ThrowErrnoOfPath(env, file.error(), info[0]);
  return Descriptor::New(env, std::move(file));
}

napi_value JsAnonymousFile(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument name;
  if (!name.Read(env, info[0], "name")) return nullptr;
  return Descriptor::New(env, CreateAnonymousFile(name.view()));
}

napi_value JsAdopt(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int fd;
  if (!ReadInteger(env, info[0], "fd", INT_MIN, INT_MAX, &fd)) return nullptr;
  return Descriptor::New(env, Adopt(fd));
}

napi_value JsBindDatagram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  if (!path.Read(env, info[0], "path")) return nullptr;
  Result<UniqueFd> socket = BindDatagram(path.view());
  if (!socket.ok()) return ThrowErrnoOfPath(env, socket.error(), info[0]);
  return Descriptor::New(env, std::move(socket));
}

napi_value JsSendDatagram(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Utf8Argument path;
  const uint8_t* data;
  size_t size;
  if (!path.Read(env, info[0], "path") ||
      !ReadBytes(env, info[1], "data", &data, &size)) {
    return nullptr;
  }
  Outcome sent = SendDatagram(path.view(), data, size);
  if (!sent.ok()) return ThrowErrnoOfPath(env, sent.error(), info[0]);
  return info.Env().Undefined();
}

napi_value JsBecomeSubreaper(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  Outcome became = BecomeSubreaper();
  if (!became.ok()) return ThrowErrno(env, became.error());
  return info.Env().Undefined();
}

// {kind: 'reaped', …}, or the kind alone.
napi_value NewReapResult(napi_env env, Result<ReapedChild> result) {
  if (!result.ok()) return ThrowErrno(env, result.error());
  const ReapedChild& child = result.value();
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  switch (child.kind) {
    case ReapedChild::Kind::kReaped:
      return SetString(env, object, "kind", "reaped") &&
                     SetNumber(env, object, "pid", child.pid) &&
                     SetNumber(env, object, "exitCode", child.exit_code) &&
                     SetNumber(env, object, "signal", child.signal)
                 ? object
                 : nullptr;
    case ReapedChild::Kind::kNone:
      return SetString(env, object, "kind", "none") ? object : nullptr;
    case ReapedChild::Kind::kNoChild:
      return SetString(env, object, "kind", "no-child") ? object : nullptr;
    case ReapedChild::Kind::kOwned:
      return SetString(env, object, "kind", "owned") ? object : nullptr;
  }
  return nullptr;
}

napi_value JsWaitForChild(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int pid;
  if (!ReadInteger(env, info[0], "pid", 1, INT_MAX, &pid)) return nullptr;
  return NewReapResult(env, WaitForChild(pid));
}

napi_value JsReapChild(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int owned;
  if (!ReadInteger(env, info[0], "owned", 0, INT_MAX, &owned)) return nullptr;
  return NewReapResult(env, ReapChild(owned));
}

napi_value JsCloseOnExecFrom(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int first;
  if (!ReadInteger(env, info[0], "first", 0, INT_MAX, &first)) return nullptr;
  CloseOnExecFrom(first);
  return info.Env().Undefined();
}

napi_value JsOpenProcess(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int pid;
  if (!ReadInteger(env, info[0], "pid", 1, INT_MAX, &pid)) return nullptr;
  return Descriptor::New(env, OpenProcess(pid));
}

napi_value JsUnblockSignal(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  int signal;
  if (!ReadInteger(env, info[0], "signal", INT_MIN, INT_MAX, &signal)) {
    return nullptr;
  }
  Outcome unblocked = UnblockSignal(signal);
  if (!unblocked.ok()) return ThrowErrno(env, unblocked.error());
  return info.Env().Undefined();
}

constexpr napi_property_descriptor Export(const char* name,
                                          napi_callback function) {
  return {name,    nullptr, function,        nullptr,
          nullptr, nullptr, napi_enumerable, nullptr};
}

constexpr napi_property_descriptor Export(const char* name, napi_value value) {
  return {name,    nullptr, nullptr,         nullptr,
          nullptr, value,   napi_enumerable, nullptr};
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  const napi_finalize finalize = [](napi_env, void* data, void*) {
    delete static_cast<Environment*>(data);
  };
  auto environment = std::make_unique<Environment>(env);
  if (napi_set_instance_data(env, environment.get(), finalize, nullptr) !=
      napi_ok) {
    return exports;
  }
  static_cast<void>(environment.release());

  napi_value control_socket;
  if (!Descriptor::Define(env) ||
      (control_socket = ControlSocket::Define(env)) == nullptr) {
    return exports;
  }
  const napi_property_descriptor properties[] = {
      Export("sourceDigest",
             Napi::String::New(env, UNINTERRUPTIBLE_SOURCE_DIGEST)),
      Export("listenTcp", JsListenTcp),
      Export("listenUnix", JsListenUnix),
      Export("connectUnix", JsConnectUnix),
      Export("socketPair", JsSocketPair),
      Export("pipe", JsPipe),
      Export("openLockFile", JsOpenLockFile),
      Export("anonymousFile", JsAnonymousFile),
      Export("adopt", JsAdopt),
      Export("ControlSocket", control_socket),
      Export("unblockSignal", JsUnblockSignal),
      Export("bindDatagram", JsBindDatagram),
      Export("sendDatagram", JsSendDatagram),
      Export("becomeSubreaper", JsBecomeSubreaper),
      Export("reapChild", JsReapChild),
      Export("waitForChild", JsWaitForChild),
      Export("openProcess", JsOpenProcess),
      Export("closeOnExecFrom", JsCloseOnExecFrom),
      Export("executeProgram", JsExecuteProgram),
      Export("startProgram", JsStartProgram),
  };
  napi_define_properties(
      env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}

}  // namespace

NODE_API_MODULE(uninterruptible, Initialize)
