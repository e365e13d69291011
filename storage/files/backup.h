// Copies of a data directory.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace storage {

struct BackupOptions {
  // Called from time to time with the number of copied bytes and the approximate number of all
  // bytes.
  std::function<void(uint64_t bytes, uint64_t all_bytes)> copied;
};

// Copies the content of `data_dir` as of one moment to the directory `to`, which is created if it
// does not exist. A server may use `data_dir` meanwhile. The copy contains everything that was
// acknowledged before the call. It is durable on return, and is a data directory itself. Fails with
// ObjectState if `to` is not empty.
Status backup_data(const std::string& data_dir, const std::string& to,
                   const BackupOptions& options);

// Fails with ObjectState if the directory contains only the remains of an interrupted backup. A
// server that starts there would have no data.
Status check_is_no_unfinished_copy(const std::string& data_dir);

}  // namespace storage
