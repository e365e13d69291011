#include "storage/kv/lmdb_root.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "storage/kv/lmdb_transaction.h"

namespace storage {

namespace {

// Positions within LMDB's structures, whose numbers are in native byte order.
constexpr size_t kFlagsAt = 10, kMagicAt = 16, kPageSizeAt = 40, kCommitAt = 144, kRootBytes = 152;
constexpr uint16_t kIsRoot = 0x08;
constexpr uint32_t kMagic = 0xBEEFC0DE;

constexpr size_t kIdentityAt = 2048;
constexpr std::string_view kRootMark = "MILLRAC7", kMarkBefore7 = "MILLRACE";

template <class T>
T number_at(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

bool is_root(std::string_view root) {
  return (number_at<uint16_t>(root, kFlagsAt) & kIsRoot) != 0 &&
         number_at<uint32_t>(root, kMagicAt) == kMagic;
}

Status read_at(int file, char* to, size_t size, size_t offset) {
  while (true) {
    const ssize_t got = ::pread(file, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return lmdb_failure(errno, "read the data file");
    if (static_cast<size_t>(got) < size) std::memset(to + got, 0, size - static_cast<size_t>(got));
    return {};
  }
}

Status write_at(int file, std::string_view bytes, size_t offset) {
  const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  return lmdb_failure(written < 0 ? errno : EIO, "write the data file");
}

}  // namespace

Result<LmdbRoot> LmdbRoot::read(int file) {
  std::string bytes(2 * kRootBytes, '\0');
  TRY(read_at(file, bytes.data(), kRootBytes, 0));
  const uint32_t page_size = number_at<uint32_t>(bytes, kPageSizeAt);
  TRY(read_at(file, bytes.data() + kRootBytes, kRootBytes, page_size));
  return parse(bytes);
}

Result<LmdbRoot> LmdbRoot::parse(std::string_view bytes) {
  if (bytes.size() != 2 * kRootBytes || !is_root(bytes) || !is_root(bytes.substr(kRootBytes)))
    return lmdb_failure(MDB_INVALID, "");
  LmdbRoot root;
  root.bytes_ = bytes;
  root.commit_ = std::max(number_at<uint64_t>(bytes, kCommitAt),
                          number_at<uint64_t>(bytes, kRootBytes + kCommitAt));
  return root;
}

Status LmdbRoot::write(int file) const {
  const std::string_view bytes = bytes_;
  TRY(write_at(file, bytes.substr(0, kRootBytes), 0));
  return write_at(file, bytes.substr(kRootBytes), number_at<uint32_t>(bytes, kPageSizeAt));
}

Result<JournalOfFile> read_journal_of_file(int file) {
  constexpr size_t kIdBytes = sizeof(Uuid::bytes);
  std::array<char, kRootMark.size() + 2 * kIdBytes> bytes;
  TRY(read_at(file, bytes.data(), bytes.size(), kIdentityAt));
  JournalOfFile journal;
  const std::string_view mark(bytes.data(), kRootMark.size());
  if (mark != kRootMark && mark != kMarkBefore7) return journal;
  const char* const identity = bytes.data() + kRootMark.size();
  std::memcpy(journal.identity.bytes.data(), identity, kIdBytes);
  journal.begins_with_entry = std::memcmp(identity, identity + kIdBytes, kIdBytes) == 0;
  return journal;
}

Status write_journal_of_file(int file, const Uuid& identity) {
  // The two copies of the identity lie in one sector of the disk. After a power cut both are old or both are new.
  std::string bytes(kRootMark);
  for (int i = 0; i < 2; ++i)
    bytes.append(reinterpret_cast<const char*>(identity.bytes.data()), identity.bytes.size());
  return write_at(file, bytes, kIdentityAt);
}

}  // namespace storage
