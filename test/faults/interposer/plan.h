// What is to go wrong, and what came by. The harness writes a plan into a file
// that all processes of a trial share, arms it by its first byte, and reads the
// file of events.
#ifndef TEST_FAULTS_INTERPOSER_PLAN_H_
#define TEST_FAULTS_INTERPOSER_PLAN_H_

// Who makes a system call: the addon, or Node (libuv) for the library.
enum class Caller { kAddon, kNode, kOther };

// What becomes of one call.
struct Verdict {
  enum class Kind {
    kMake,
    kFail,       // not made; `value` is the errno
    kInterrupt,  // made, and reported as interrupted
    kTruncate,
    kDuplicate,
    kPostpone,  // sent `value` ms later, by a thread
    kReorder,   // sent after the next one, or `value` ms later
  } kind = Kind::kMake;
  int value = 0;
};

// Who called, by the return address. Nobody but the thread that runs
// JavaScript is of interest, and no child between fork and exec.
Caller CallerAt(const void* return_address);

// Counts a call and, where the plan says so, kills or stops this process, lets
// it wait, or breaks its connection. In a process with no part in the plan
// nothing happens.
Verdict Arrive(const char* call);

// Remembers the connection a packet was sent or received over last.
void SawConnection(int socket);

// Whether a path is one of those the library itself writes.
bool IsOurs(const char* path);

// Appends one line to the events.
void Tell(const char* format, ...) __attribute__((format(printf, 1, 2)));

#endif  // TEST_FAULTS_INTERPOSER_PLAN_H_
