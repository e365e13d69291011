// Copies of a data directory.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace storage {

struct BackupOptions {
  // Told from time to time how much has been copied, of about how much.
  std::function<void(uint64_t bytes, uint64_t all_bytes)> copied;
};

// Copies what `data_dir` holds at one moment to the directory `to`, which is made, or empty. A server may go on
// writing meanwhile. What is acknowledged before the call is in it. The copy is durable when this returns,
// and a data directory itself. Fails with ObjectState when `to` holds something.
Status backup_data(const std::string& data_dir, const std::string& to,
                   const BackupOptions& options);

// Fails with ObjectState when the directory has nothing but what a backup left that was cut off: a server that starts
// there would be empty.
Status check_is_no_unfinished_copy(const std::string& data_dir);

}  // namespace storage
