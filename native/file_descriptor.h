// Operations that every kind of descriptor has. Whatever they create is
// close-on-exec from its first instant.
#ifndef UNINTERRUPTIBLE_FILE_DESCRIPTOR_H_
#define UNINTERRUPTIBLE_FILE_DESCRIPTOR_H_

#include <stdint.h>

#include "result.h"
#include "unique_fd.h"

struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint16_t mode = 0;

  bool operator==(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }
};

struct DescriptorPair {
  UniqueFd first;
  UniqueFd second;
};

// A duplicate for the caller; the original stays with its owner.
Result<UniqueFd> Duplicate(int fd);

// Ownership of a number this process inherited.
Result<UniqueFd> Adopt(int fd);

// dup3(2) over a number that somebody else owns and keeps, or that a program
// which is to be executed shall have.
Outcome ReplaceDescriptor(int fd, int target, bool close_on_exec);

// O_NONBLOCK: of the open file description, so of everybody who shares it.
Result<bool> IsNonBlocking(int fd);
Outcome SetNonBlocking(int fd, bool on);

Result<DescriptorPair> CreatePipe();

Result<FileIdentity> IdentifyDescriptor(int fd);

// Of the name itself, not of what a symbolic link points to.
Result<FileIdentity> IdentifyPath(const char* path);

#endif  // UNINTERRUPTIBLE_FILE_DESCRIPTOR_H_
