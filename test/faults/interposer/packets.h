// What can become of a packet on its way.
#ifndef TEST_FAULTS_INTERPOSER_PACKETS_H_
#define TEST_FAULTS_INTERPOSER_PACKETS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include "plan.h"

// As sendmsg(2); the verdict is one of those on packets, or to send it.
ssize_t SendAsToldBy(const Verdict& verdict, int socket, const msghdr* message,
                     int flags);

#endif  // TEST_FAULTS_INTERPOSER_PACKETS_H_
