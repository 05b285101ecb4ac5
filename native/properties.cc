// Plain Node-API: Napi::Object makes a std::string of every name.
#include "properties.h"

bool SetValue(napi_env env, napi_value object, const char* name,
              napi_value value) {
  return napi_set_named_property(env, object, name, value) == napi_ok;
}

bool SetBoolean(napi_env env, napi_value object, const char* name, bool value) {
  napi_value boolean;
  return napi_get_boolean(env, value, &boolean) == napi_ok &&
         SetValue(env, object, name, boolean);
}

bool SetNumber(napi_env env, napi_value object, const char* name,
               double value) {
  napi_value number;
  return napi_create_double(env, value, &number) == napi_ok &&
         SetValue(env, object, name, number);
}

bool SetString(napi_env env, napi_value object, const char* name,
               const char* text, size_t size) {
  napi_value string;
  return napi_create_string_utf8(env, text, size, &string) == napi_ok &&
         SetValue(env, object, name, string);
}
