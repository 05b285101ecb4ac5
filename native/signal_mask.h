// The calling thread's signal mask.
#ifndef UNINTERRUPTIBLE_SIGNAL_MASK_H_
#define UNINTERRUPTIBLE_SIGNAL_MASK_H_

#include "result.h"

Outcome UnblockSignal(int signal);

#endif  // UNINTERRUPTIBLE_SIGNAL_MASK_H_
