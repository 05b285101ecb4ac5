// What one Node environment (main thread or worker) has of its own. There is
// no process-wide state, so the addon can be loaded in any number of them.
#ifndef UNINTERRUPTIBLE_ENVIRONMENT_H_
#define UNINTERRUPTIBLE_ENVIRONMENT_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>

#include "node_addon_api.h"
#include "unique_fd.h"

struct Environment {
  explicit Environment(napi_env env) : env(env) {}
  ~Environment() {
    if (descriptor_class != nullptr) {
      napi_delete_reference(env, descriptor_class);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static Environment* Of(napi_env env) {
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    return static_cast<Environment*>(data);
  }

  // Room for the packet being received, `size` bytes or more.
  uint8_t* Scratch(size_t size) {
    if (scratch_size < size) {
      scratch.reset(new uint8_t[size]);
      scratch_size = size;
    }
    return scratch.get();
  }

  const napi_env env;

  napi_ref descriptor_class = nullptr;

  // What the Descriptor under construction is to own. Only native code fills
  // it, so only native code can construct one.
  UniqueFd descriptor_under_construction;

  std::unique_ptr<uint8_t[]> scratch;
  size_t scratch_size = 0;
};

#endif  // UNINTERRUPTIBLE_ENVIRONMENT_H_
