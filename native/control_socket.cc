// Arguments in, one call to the ancillary data or the watcher, result or
// exception out.
#include "control_socket.h"

#include <memory>

#include "ancillary_data.h"
#include "arguments.h"
#include "descriptor.h"
#include "environment.h"
#include "errno_exception.h"
#include "listening_socket.h"
#include "program.h"
#include "properties.h"
#include "socket_inspection.h"
#include "watcher.h"

namespace {

// Larger than any packet: the kernel bounds them by the send buffer.
constexpr int kMaxReceiveBytes = 1 << 24;

// Anything else would break what send() and receive() promise: a whole packet
// or nothing. A process has neither, and is only watched.
Outcome CheckSocket(int fd) {
  Result<SocketFacts> facts = InspectSocket(fd);
  if (!facts.ok()) {
    if (facts.error().number == ENOTSOCK && IsProcess(fd)) return Nothing{};
    return facts.error();
  }
  const int type = facts.value().type;
  if (facts.value().family != AF_UNIX ||
      (type != SOCK_SEQPACKET && type != SOCK_DGRAM)) {
    return SystemError{EPROTOTYPE, "uv_poll_init"};
  }
  return Nothing{};
}

napi_value NewPacket(napi_env env, const uint8_t* data,
                     ReceivedPacket* packet) {
  napi_value buffer;
  napi_value descriptors;
  if (napi_create_buffer_copy(env, packet->size, data, nullptr, &buffer) !=
          napi_ok ||
      napi_create_array_with_length(env, packet->descriptor_count,
                                    &descriptors) != napi_ok) {
    return nullptr;
  }
  for (size_t i = 0; i < packet->descriptor_count; i++) {
    const napi_value descriptor =
        Descriptor::New(env, std::move(packet->descriptors[i]));
    if (descriptor == nullptr ||
        napi_set_element(env, descriptors, static_cast<uint32_t>(i),
                         descriptor) != napi_ok) {
      return nullptr;
    }
  }
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !SetString(env, object, "kind", "packet") ||
      !SetValue(env, object, "data", buffer) ||
      !SetValue(env, object, "descriptors", descriptors) ||
      !SetBoolean(env, object, "dataTruncated", packet->data_truncated) ||
      !SetBoolean(env, object, "descriptorsTruncated",
                  packet->descriptors_truncated)) {
    return nullptr;
  }
  if (packet->sender.has_value()) {
    const napi_value sender = NewCredentials(env, *packet->sender);
    if (sender == nullptr || !SetValue(env, object, "sender", sender)) {
      return nullptr;
    }
  }
  return object;
}

napi_value NewKind(napi_env env, const char* kind) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !SetString(env, object, "kind", kind)) {
    return nullptr;
  }
  return object;
}

}  // namespace

napi_value ControlSocket::Define(napi_env env) {
  using Self = ControlSocket;
  const napi_property_descriptor properties[] = {
      GetterDescriptor<Self, &Self::GetFd>("fd"),
      MethodDescriptor<Self, &Self::Watch>("watch"),
      MethodDescriptor<Self, &Self::Ref>("ref"),
      MethodDescriptor<Self, &Self::Unref>("unref"),
      MethodDescriptor<Self, &Self::Send>("send"),
      MethodDescriptor<Self, &Self::Receive>("receive"),
      MethodDescriptor<Self, &Self::Accept>("accept"),
      MethodDescriptor<Self, &Self::PeerCredentials>("peerCredentials"),
      MethodDescriptor<Self, &Self::Close>("close"),
  };
  napi_value constructor = nullptr;
  if (napi_define_class(env, kName, NAPI_AUTO_LENGTH, Construct, nullptr,
                        sizeof(properties) / sizeof(properties[0]), properties,
                        &constructor) != napi_ok) {
    return nullptr;
  }
  return constructor;
}

napi_value ControlSocket::Construct(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  if (!info.IsConstructCall()) {
    return ThrowTypeError(env, "ControlSocket must be called with new");
  }
  Descriptor* const descriptor = Unwrap<Descriptor>(env, info[0]);
  if (descriptor == nullptr) {
    return ThrowTypeError(env,
                          "The \"descriptor\" argument must be a Descriptor");
  }
  if (!ReadFunction(env, info[1], "onEvents")) return nullptr;

  Outcome checked = CheckSocket(descriptor->fd());
  if (!checked.ok()) return ThrowErrno(env, checked.error());
  Result<Watcher*> opened = Watcher::Open(env, descriptor->fd());
  if (!opened.ok()) return ThrowErrno(env, opened.error());
  static_cast<void>(descriptor->Take().release());  // the watcher has it

  Watcher* const watcher = opened.value();
  auto control_socket = std::make_unique<ControlSocket>(watcher);
  if (!watcher->Attach(control_socket.get(), info.This(), info[1]) ||
      !Wrap(env, info.This(), std::move(control_socket))) {
    return nullptr;
  }
  return info.This();
}

ControlSocket::ControlSocket(Watcher* watcher) : watcher_(watcher) {}

ControlSocket::~ControlSocket() {
  if (watcher_ != nullptr) watcher_->Close();
}

int ControlSocket::fd() const {
  return watcher_ == nullptr ? -1 : watcher_->fd();
}

napi_value ControlSocket::GetFd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd());
}

napi_value ControlSocket::Watch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool readable;
  bool writable;
  if (!ReadBoolean(env, info[0], "readable", &readable) ||
      !ReadBoolean(env, info[1], "writable", &writable)) {
    return nullptr;
  }
  if (watcher_ == nullptr) return ThrowErrno(env, {EBADF, "uv_poll_start"});
  const int status = watcher_->Watch((readable ? UV_READABLE : 0) |
                                     (writable ? UV_WRITABLE : 0));
  if (status != 0) return ThrowErrno(env, {-status, "uv_poll_start"});
  return env.Undefined();
}

napi_value ControlSocket::Ref(const Napi::CallbackInfo& info) {
  if (watcher_ != nullptr) watcher_->Ref();
  return info.Env().Undefined();
}

napi_value ControlSocket::Unref(const Napi::CallbackInfo& info) {
  if (watcher_ != nullptr) watcher_->Unref();
  return info.Env().Undefined();
}

napi_value ControlSocket::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::unique_ptr<int[]> fds;
  size_t count;
  const uint8_t* data;
  size_t size;
  // The bytes last: reading the array can run JavaScript.
  if (!ReadDescriptors(env, info[1], "sendmsg", &fds, &count) ||
      !ReadBytes(env, info[0], "data", &data, &size)) {
    return nullptr;
  }
  Result<bool> sent = SendPacket(fd(), data, size, fds.get(), count);
  if (!sent.ok()) return ThrowErrno(env, sent.error());
  return Napi::Boolean::New(env, sent.value());
}

napi_value ControlSocket::Receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int max_bytes;
  if (!ReadInteger(env, info[0], "maxBytes", 1, kMaxReceiveBytes, &max_bytes)) {
    return nullptr;
  }
  const size_t capacity = static_cast<size_t>(max_bytes);
  uint8_t* const scratch = Environment::Of(env)->Scratch(capacity);
  Result<ReceivedPacket> received = ReceivePacket(fd(), scratch, capacity);
  if (!received.ok()) return ThrowErrno(env, received.error());
  switch (received.value().kind) {
    case ReceivedPacket::Kind::kNothing:
      return env.Null();
    case ReceivedPacket::Kind::kEnd:
      return NewKind(env, "end");
    case ReceivedPacket::Kind::kEmpty:
      return NewKind(env, "empty");
    case ReceivedPacket::Kind::kPacket:
      return NewPacket(env, scratch, &received.value());
  }
  return nullptr;
}

napi_value ControlSocket::Accept(const Napi::CallbackInfo& info) {
  return Descriptor::NewOrNull(info.Env(), AcceptConnection(fd()));
}

napi_value ControlSocket::PeerCredentials(const Napi::CallbackInfo& info) {
  return PeerCredentialsOf(info.Env(), fd());
}

napi_value ControlSocket::Close(const Napi::CallbackInfo& info) {
  if (watcher_ != nullptr) watcher_->Close();
  return info.Env().Undefined();
}
