// The JavaScript functions that execute programs.
#ifndef UNINTERRUPTIBLE_EXECUTION_H_
#define UNINTERRUPTIBLE_EXECUTION_H_

#include "node_addon_api.h"

napi_value JsExecuteProgram(napi_env env, napi_callback_info raw);
napi_value JsStartProgram(napi_env env, napi_callback_info raw);

#endif  // UNINTERRUPTIBLE_EXECUTION_H_
