// Properties of objects that go to JavaScript. All return false when that is
// impossible (an exception is pending, or the environment is ending).
#ifndef UNINTERRUPTIBLE_PROPERTIES_H_
#define UNINTERRUPTIBLE_PROPERTIES_H_

#include <stddef.h>

#include "node_addon_api.h"

bool SetValue(napi_env env, napi_value object, const char* name,
              napi_value value);
bool SetBoolean(napi_env env, napi_value object, const char* name, bool value);
bool SetNumber(napi_env env, napi_value object, const char* name, double value);
bool SetString(napi_env env, napi_value object, const char* name,
               const char* text, size_t size = NAPI_AUTO_LENGTH);

#endif  // UNINTERRUPTIBLE_PROPERTIES_H_
