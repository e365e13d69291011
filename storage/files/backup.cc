#include "storage/files/backup.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "storage/files/data_snapshot.h"
#include "storage/kv/lmdb_snapshot.h"

namespace storage {

namespace {

Error cannot_make(const std::string& path, const std::error_code& failed) {
  return {ErrorCode::StorageFailure, fmt::format("cannot make {}: {}", path, failed.message())};
}

Status check_has_nothing(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed) && !failed) return {};
  if (!failed && std::filesystem::is_empty(path, failed)) return {};
  if (failed) return cannot_make(path, failed);
  return Error{.code = ErrorCode::ObjectState,
               .message = fmt::format("the directory {} is not empty", path),
               .hint = "Name one that does not exist yet."};
}

Status make_directory(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return cannot_make(path, failed);
  return {};
}

Status copy_data(DataSnapshot data, const std::string& target, const BackupOptions& options) {
  const uint64_t all_bytes = data.state->used_bytes() + data.log->used_bytes();
  uint64_t state_bytes = 0;
  TRY(data.state->copy_to(target + "/" + kStateFile,
                          [&](uint64_t bytes) { options.copied(state_bytes = bytes, all_bytes); }));
  data.state.reset();
  return data.log->copy_to(target + "/" + kLogFile,
                           [&](uint64_t bytes) { options.copied(state_bytes + bytes, all_bytes); });
}

}  // namespace

// The state is copied first. If the copy is interrupted, the remains are a state without a log, and
// a server refuses to start on them. A log without a state could be mistaken for a data directory
// with empty tables.
Status backup_data(const std::string& data_dir, const std::string& to,
                   const BackupOptions& options) {
  TRY(check_has_nothing(to));
  DataSnapshot data = TRY(open_data_snapshot(data_dir));
  if (data.misfit) return *std::move(data.misfit);
  TRY(make_directory(to));  // created late, so that a failure before the copy leaves no directory
  const std::string target = std::filesystem::absolute(to).string();
  Status copied = copy_data(std::move(data), target, options);
  // A failed copy leaves the directory empty, so that a retry can use it.
  std::error_code ignored;
  if (!copied) std::filesystem::remove(target + "/" + kStateFile, ignored);
  return copied;
}

Status check_is_no_unfinished_copy(const std::string& data_dir) {
  std::error_code ignored;
  const auto is_there = [&](const std::string& file) {
    return std::filesystem::exists(data_dir + "/" + file, ignored);
  };
  if (is_there(kLogFile)) return {};
  for (const char* file : {kStateFile, kLogFile})
    if (is_there(std::string(file) + kUnfinishedCopy))
      return Error{.code = ErrorCode::ObjectState,
                   .message = fmt::format("{} holds a backup that was not finished", data_dir),
                   .hint = "Name another directory, or repeat the backup there."};
  return {};
}

}  // namespace storage
