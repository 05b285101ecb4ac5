// Words for execve(2), out of bytes that JavaScript gave.
#ifndef UNINTERRUPTIBLE_WORDS_H_
#define UNINTERRUPTIBLE_WORDS_H_

#include <stddef.h>

#include <memory>

#include "node_addon_api.h"

class Words {
 public:
  // A Uint8Array of words that end with a NUL each, or the exception, which
  // calls it `name`. Copied: JavaScript may run before they are used.
  bool Read(napi_env env, napi_value value, const char* name);

  // Ends with a null. As long as this object is.
  char** get() { return words_.get() + 1; }
  // The same after a place that is free.
  char** after_free_place() { return words_.get(); }

 private:
  std::unique_ptr<char[]> text_;
  std::unique_ptr<char*[]> words_;
};

#endif  // UNINTERRUPTIBLE_WORDS_H_
