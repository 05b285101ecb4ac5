// The one place that includes Node-API and libuv. As a system header, so that
// our warnings, which are errors, judge our code alone.
#ifndef UNINTERRUPTIBLE_NODE_ADDON_API_H_
#define UNINTERRUPTIBLE_NODE_ADDON_API_H_

#pragma GCC system_header

#include <napi.h>
#include <uv.h>

#endif  // UNINTERRUPTIBLE_NODE_ADDON_API_H_
