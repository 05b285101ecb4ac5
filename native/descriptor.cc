// Arguments in, one call to the POSIX layer, result or exception out.
#include "descriptor.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include <new>

#include "arguments.h"
#include "environment.h"
#include "errno_exception.h"
#include "file_lock.h"
#include "listening_socket.h"
#include "properties.h"
#include "socket_inspection.h"
#include "tcp_socket.h"
#include "unix_socket.h"

namespace {

// undefined, or the exception.
napi_value Answer(const Napi::CallbackInfo& info, Outcome outcome) {
  if (!outcome.ok()) return ThrowErrno(info.Env(), outcome.error());
  return info.Env().Undefined();
}

// The largest byte that both a JavaScript number and off_t can say exactly.
constexpr int64_t kMaxLockByte = (int64_t{1} << 53) - 1;

const char* FamilyName(int family) {
  switch (family) {
    case AF_INET:
      return "inet";
    case AF_INET6:
      return "inet6";
    case AF_UNIX:
      return "unix";
    default:
      return "other";
  }
}

const char* TypeName(int type) {
  switch (type) {
    case SOCK_STREAM:
      return "stream";
    case SOCK_SEQPACKET:
      return "seqpacket";
    case SOCK_DGRAM:
      return "datagram";
    default:
      return "other";
  }
}

}  // namespace

bool Descriptor::Define(napi_env env) {
  const napi_property_descriptor properties[] = {
      GetterDescriptor<Descriptor, &Descriptor::GetFd>("fd"),
      MethodDescriptor<Descriptor, &Descriptor::Close>("close"),
      MethodDescriptor<Descriptor, &Descriptor::Release>("release"),
      MethodDescriptor<Descriptor, &Descriptor::Duplicate>("duplicate"),
      MethodDescriptor<Descriptor, &Descriptor::Inspect>("inspect"),
      MethodDescriptor<Descriptor, &Descriptor::Identity>("identity"),
      MethodDescriptor<Descriptor, &Descriptor::Listen>("listen"),
      MethodDescriptor<Descriptor, &Descriptor::Accept>("accept"),
      MethodDescriptor<Descriptor, &Descriptor::Shutdown>("shutdown"),
      MethodDescriptor<Descriptor, &Descriptor::PeerCredentials>(
          "peerCredentials"),
      MethodDescriptor<Descriptor, &Descriptor::TryLock>("tryLock"),
      MethodDescriptor<Descriptor, &Descriptor::Unlock>("unlock"),
      MethodDescriptor<Descriptor, &Descriptor::TuneTcp>("tuneTcp"),
      MethodDescriptor<Descriptor, &Descriptor::Replace>("replace"),
      MethodDescriptor<Descriptor, &Descriptor::IsNonBlocking>("isNonBlocking"),
      MethodDescriptor<Descriptor, &Descriptor::SetNonBlocking>(
          "setNonBlocking"),
  };
  napi_value constructor;
  return napi_define_class(env, kName, NAPI_AUTO_LENGTH, Construct, nullptr,
                           sizeof(properties) / sizeof(properties[0]),
                           properties, &constructor) == napi_ok &&
         napi_create_reference(env, constructor, 1,
                               &Environment::Of(env)->descriptor_class) ==
             napi_ok;
}

napi_value Descriptor::New(napi_env env, UniqueFd fd) {
  Environment* const environment = Environment::Of(env);
  napi_value constructor;
  napi_value instance = nullptr;
  environment->descriptor_under_construction = std::move(fd);
  if (napi_get_reference_value(env, environment->descriptor_class,
                               &constructor) != napi_ok ||
      napi_new_instance(env, constructor, 0, nullptr, &instance) != napi_ok) {
    instance = nullptr;
  }
  // Left over if the constructor could not run: the worker is being
  // terminated.
  environment->descriptor_under_construction.reset();
  return instance;
}

napi_value Descriptor::New(napi_env env, Result<UniqueFd> result) {
  if (!result.ok()) return ThrowErrno(env, result.error());
  return New(env, std::move(result.value()));
}

napi_value Descriptor::NewPair(napi_env env, Result<DescriptorPair> result) {
  if (!result.ok()) return ThrowErrno(env, result.error());
  napi_value pair;
  const napi_value first = New(env, std::move(result.value().first));
  if (first == nullptr) return nullptr;
  const napi_value second = New(env, std::move(result.value().second));
  if (second == nullptr ||
      napi_create_array_with_length(env, 2, &pair) != napi_ok ||
      napi_set_element(env, pair, 0, first) != napi_ok ||
      napi_set_element(env, pair, 1, second) != napi_ok) {
    return nullptr;
  }
  return pair;
}

napi_value Descriptor::NewOrNull(napi_env env, Result<UniqueFd> result) {
  if (result.ok() && !result.value().valid()) return Napi::Env(env).Null();
  return New(env, std::move(result));
}

napi_value Descriptor::Construct(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  UniqueFd fd = std::move(Environment::Of(env)->descriptor_under_construction);
  if (!info.IsConstructCall() || !fd.valid()) {
    return ThrowTypeError(env, "Illegal constructor");
  }
  if (!Wrap(env, info.This(), std::make_unique<Descriptor>(std::move(fd)))) {
    return nullptr;
  }
  return info.This();
}

napi_value Descriptor::GetFd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd());
}

napi_value Descriptor::Close(const Napi::CallbackInfo& info) {
  fd_.reset();
  return info.Env().Undefined();
}

napi_value Descriptor::Release(const Napi::CallbackInfo& info) {
  if (!fd_.valid()) return ThrowErrno(info.Env(), {EBADF, "release"});
  return Napi::Number::New(info.Env(), fd_.release());
}

napi_value Descriptor::Duplicate(const Napi::CallbackInfo& info) {
  return New(info.Env(), ::Duplicate(fd()));
}

napi_value Descriptor::Inspect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Result<SocketFacts> result = InspectSocket(fd());
  if (!result.ok()) return ThrowErrno(env, result.error());
  const SocketFacts& facts = result.value();

  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !SetString(env, object, "family", FamilyName(facts.family)) ||
      !SetString(env, object, "type", TypeName(facts.type)) ||
      !SetBoolean(env, object, "listening", facts.listening) ||
      !SetString(env, object, "address", facts.address, facts.address_bytes) ||
      !SetNumber(env, object, "port", facts.port)) {
    return nullptr;
  }
  return object;
}

napi_value Descriptor::Identity(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Result<FileIdentity> result = IdentifyDescriptor(fd());
  if (!result.ok()) return ThrowErrno(env, result.error());

  char device[24];
  char inode[24];
  snprintf(device, sizeof(device), "%" PRIu64, result.value().device);
  snprintf(inode, sizeof(inode), "%" PRIu64, result.value().inode);
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !SetString(env, object, "device", device) ||
      !SetString(env, object, "inode", inode)) {
    return nullptr;
  }
  return object;
}

napi_value Descriptor::Listen(const Napi::CallbackInfo& info) {
  int backlog;
  if (!ReadInteger(info.Env(), info[0], "backlog", 0, INT_MAX, &backlog)) {
    return nullptr;
  }
  return Answer(info, ::Listen(fd(), backlog));
}

napi_value Descriptor::Accept(const Napi::CallbackInfo& info) {
  return NewOrNull(info.Env(), AcceptConnection(fd()));
}

napi_value Descriptor::Shutdown(const Napi::CallbackInfo& info) {
  return Answer(info, ::Shutdown(fd()));
}

napi_value Descriptor::PeerCredentials(const Napi::CallbackInfo& info) {
  return PeerCredentialsOf(info.Env(), fd());
}

napi_value Descriptor::TryLock(const Napi::CallbackInfo& info) {
  int64_t byte;
  if (!ReadInteger(info.Env(), info[0], "byte", 0, kMaxLockByte, &byte)) {
    return nullptr;
  }
  Result<bool> locked = TryLockByte(fd(), byte);
  if (!locked.ok()) return ThrowErrno(info.Env(), locked.error());
  return Napi::Boolean::New(info.Env(), locked.value());
}

napi_value Descriptor::Unlock(const Napi::CallbackInfo& info) {
  int64_t byte;
  if (!ReadInteger(info.Env(), info[0], "byte", 0, kMaxLockByte, &byte)) {
    return nullptr;
  }
  return Answer(info, UnlockByte(fd(), byte));
}

napi_value Descriptor::TuneTcp(const Napi::CallbackInfo& info) {
  return Answer(info, ::TuneTcp(fd()));
}

napi_value Descriptor::Replace(const Napi::CallbackInfo& info) {
  int target;
  if (!ReadInteger(info.Env(), info[0], "target", 0, INT_MAX, &target)) {
    return nullptr;
  }
  return Answer(info, ReplaceDescriptor(fd(), target, /*close_on_exec=*/true));
}

napi_value Descriptor::IsNonBlocking(const Napi::CallbackInfo& info) {
  Result<bool> result = ::IsNonBlocking(fd());
  if (!result.ok()) return ThrowErrno(info.Env(), result.error());
  return Napi::Boolean::New(info.Env(), result.value());
}

napi_value Descriptor::SetNonBlocking(const Napi::CallbackInfo& info) {
  bool on;
  if (!ReadBoolean(info.Env(), info[0], "on", &on)) return nullptr;
  return Answer(info, ::SetNonBlocking(fd(), on));
}

// Two passes, because reading an element can run a getter, and that can close
// what was read before.
bool ReadDescriptors(napi_env env, napi_value array, const char* call,
                     std::unique_ptr<int[]>* fds, size_t* count) {
  bool is_array = false;
  uint32_t length = 0;
  if (array == nullptr || napi_is_array(env, array, &is_array) != napi_ok ||
      !is_array || napi_get_array_length(env, array, &length) != napi_ok) {
    ThrowTypeError(env, "The \"descriptors\" argument must be an array");
    return false;
  }
  std::unique_ptr<const Descriptor*[]> descriptors(
      new (std::nothrow) const Descriptor*[length]);
  fds->reset(new (std::nothrow) int[length]);
  if (descriptors == nullptr || *fds == nullptr) {
    ThrowErrno(env, {ENOMEM, call});
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (napi_get_element(env, array, i, &element) != napi_ok) return false;
    descriptors[i] = Unwrap<Descriptor>(env, element);
    if (descriptors[i] == nullptr) {
      ThrowTypeError(env,
                     "The \"descriptors\" argument must hold only Descriptors");
      return false;
    }
  }
  for (uint32_t i = 0; i < length; i++) (*fds)[i] = descriptors[i]->fd();
  *count = length;
  return true;
}

napi_value NewCredentials(napi_env env, const ucred& credentials) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !SetNumber(env, object, "pid", credentials.pid) ||
      !SetNumber(env, object, "uid", credentials.uid) ||
      !SetNumber(env, object, "gid", credentials.gid)) {
    return nullptr;
  }
  return object;
}

napi_value PeerCredentialsOf(napi_env env, int socket) {
  Result<ucred> result = PeerCredentials(socket);
  if (!result.ok()) return ThrowErrno(env, result.error());
  return NewCredentials(env, result.value());
}
