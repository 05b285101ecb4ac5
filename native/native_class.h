// C++ objects behind JavaScript classes. Used instead of Napi::ObjectWrap
// because that trusts its receiver: a getter taken from one class and called on
// an object of another would read foreign memory. Here every object carries a
// type tag, and a wrong one is a TypeError.
//
// A class T that takes part has: `static constexpr napi_type_tag kTypeTag`,
// `static constexpr const char* kName`.
#ifndef UNINTERRUPTIBLE_NATIVE_CLASS_H_
#define UNINTERRUPTIBLE_NATIVE_CLASS_H_

#include <stdio.h>

#include <memory>

#include "errno_exception.h"
#include "node_addon_api.h"

// The T behind `value`, or null, without an exception, if there is none.
template <typename T>
T* Unwrap(napi_env env, napi_value value) {
  napi_valuetype type;
  bool tagged = false;
  void* object = nullptr;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok ||
      type != napi_object ||
      napi_check_object_type_tag(env, value, &T::kTypeTag, &tagged) !=
          napi_ok ||
      !tagged || napi_unwrap(env, value, &object) != napi_ok) {
    return nullptr;
  }
  return static_cast<T*>(object);
}

// Ties `native` to `object`: deleted when that is garbage collected or the
// environment ends. False (and deleted at once) if that is impossible.
template <typename T>
bool Wrap(napi_env env, napi_value object, std::unique_ptr<T> native) {
  const napi_finalize finalize = [](napi_env, void* data, void*) {
    delete static_cast<T*>(data);
  };
  if (napi_wrap(env, object, native.get(), finalize, nullptr, nullptr) !=
      napi_ok) {
    return false;
  }
  // From here on it belongs to `object`, even when tagging it fails.
  static_cast<void>(native.release());
  return napi_type_tag_object(env, object, &T::kTypeTag) == napi_ok;
}

// A method or getter that JavaScript calls.
template <typename T, napi_value (T::*method)(const Napi::CallbackInfo&)>
napi_value CallMethod(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  T* const self = Unwrap<T>(env, info.This());
  if (self == nullptr) {
    char message[64];
    snprintf(message, sizeof(message), "The receiver is not a %s", T::kName);
    return ThrowTypeError(env, message);
  }
  return (self->*method)(info);
}

template <typename T, napi_value (T::*method)(const Napi::CallbackInfo&)>
constexpr napi_property_descriptor MethodDescriptor(const char* name) {
  return {name,    nullptr, CallMethod<T, method>, nullptr,
          nullptr, nullptr, napi_default_method,   nullptr};
}

template <typename T, napi_value (T::*getter)(const Napi::CallbackInfo&)>
constexpr napi_property_descriptor GetterDescriptor(const char* name) {
  return {name,    nullptr, nullptr,      CallMethod<T, getter>,
          nullptr, nullptr, napi_default, nullptr};
}

#endif  // UNINTERRUPTIBLE_NATIVE_CLASS_H_
