#include "storage/kv/commit_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "storage/kv/damage.h"
#include "storage/kv/lmdb_transaction.h"
#include "storage/kv/sync_directory.h"

namespace storage {

namespace {

constexpr std::string_view kMark = "MRCOMMIT", kContinues = "MRCONTIN";
constexpr size_t kSector = 512, kHeadBytes = 8 + 16 + 3 * 8 + 2 * 4 + 8;

std::string_view bytes_of(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

// Encodes the head of an entry, without the checksum at its end.
std::string head_of(std::string_view mark, const Uuid& identity, uint64_t sequence,
                    const JournalEntry& entry) {
  std::string head;
  head += mark;
  head += bytes_of(identity);
  append_be(head, sequence);
  append_be(head, entry.commit);
  append_be(head, entry.root_commit);
  append_be(head, static_cast<uint32_t>(entry.root.size()));
  append_be(head, static_cast<uint32_t>(entry.changes.size()));
  return head;
}

uint64_t checksum(std::string_view head, std::string_view rest) {
  return XXH3_64bits_withSeed(rest.data(), rest.size(), XXH3_64bits(head.data(), head.size()));
}

Status write_all(int file, std::string_view bytes, size_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return lmdb_failure(written < 0 ? errno : EIO, "write the commit journal");
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<size_t>(written);
  }
  return {};
}

// Opens the file for writes that bypass the page cache (O_DIRECT), if the file system allows such
// writes of single sectors. A commit then writes one sector instead of the page around it, and
// waits only two thirds as long. The test is a read, because file systems that refuse such writes
// also refuse such reads.
int open_directly(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
  if (file < 0) return -1;
  AlignedBytes sector;
  sector.append_zeros(kSector);
  if (::pread(file, sector.data(), kSector, kSector) == static_cast<ssize_t>(kSector)) return file;
  ::close(file);
  return -1;
}

// Owns an open file.
struct File {
  int number = -1;
  ~File() {
    if (number >= 0) ::close(number);
  }
  int release() { return std::exchange(number, -1); }
};

}  // namespace

Result<std::unique_ptr<CommitJournal>> CommitJournal::make(const std::string& path,
                                                           const Uuid& identity) {
  File file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (file.number < 0) return lmdb_failure(errno, "open the commit journal");
  struct stat found;
  if (::fstat(file.number, &found) != 0) return lmdb_failure(errno, "open the commit journal");
  if (static_cast<size_t>(found.st_size) != 2 * kHalfBytes) {
    if (::ftruncate(file.number, 0) != 0) return lmdb_failure(errno, "write the commit journal");
    TRY(write_all(file.number, std::string(2 * kHalfBytes, '\0'), 0));
    if (::fsync(file.number) != 0) return lmdb_failure(errno, "write the commit journal");
    TRY(sync_directory(std::filesystem::absolute(path).parent_path()));
  }
  // With O_DSYNC a write returns when the disk has the data, so a commit needs no further call.
  int written_through = open_directly(path);
  if (written_through < 0) written_through = ::open(path.c_str(), O_WRONLY | O_DSYNC | O_CLOEXEC);
  if (written_through < 0) return lmdb_failure(errno, "open the commit journal");
  return std::unique_ptr<CommitJournal>(new CommitJournal(written_through, identity));
}

CommitJournal::~CommitJournal() { ::close(file_); }

size_t CommitJournal::size_in_file(size_t root_bytes, size_t change_bytes) {
  return (kHeadBytes + root_bytes + change_bytes + kSector - 1) / kSector * kSector;
}

CommitJournal::Place CommitJournal::place_of(size_t size_bytes) const {
  if (end_.offset + size_bytes <= kHalfBytes) return end_;
  return {1 - end_.half, 0};
}

bool CommitJournal::begins_half(size_t root_bytes, size_t change_bytes) const {
  return place_of(size_in_file(root_bytes, change_bytes)).offset == 0;
}

bool CommitJournal::has_room(size_t root_bytes, size_t change_bytes,
                             uint64_t durable_commit) const {
  const size_t size = size_in_file(root_bytes, change_bytes);
  if (size > kHalfBytes) return false;
  const Place place = place_of(size);
  return place.offset != 0 || newest_[place.half] <= durable_commit;
}

Status CommitJournal::append(const JournalEntry& entry) {
  const size_t size = size_in_file(entry.root.size(), entry.changes.size());
  const Place place = place_of(size);
  buffer_.clear();
  const bool continues = !entry.changes.empty() && entry.commit == last_commit_;
  buffer_.append(head_of(continues ? kContinues : kMark, identity_, sequence_ + 1, entry));
  const size_t head_size = buffer_.size();
  buffer_.append_zeros(sizeof(uint64_t));
  buffer_.append(entry.root);
  buffer_.append(entry.changes);
  const std::string_view all = buffer_.view();
  store_be(buffer_.data() + head_size, checksum(all.substr(0, head_size), all.substr(kHeadBytes)));
  buffer_.append_zeros(size - buffer_.size());
  // If the write below fails, take_back() removes this entry. It never removes the entry before, which was
  // acknowledged.
  last_ = place;
  is_last_written_ = false;
  TRY(write_all(file_, buffer_.view(), place.half * kHalfBytes + place.offset));
  is_last_written_ = true;
  ++sequence_;
  end_ = {place.half, place.offset + size};
  newest_[place.half] = entry.commit;
  commit_before_ = last_commit_;
  if (!entry.changes.empty()) last_commit_ = entry.commit;
  return {};
}

Status CommitJournal::take_back() {
  AlignedBytes nothing;
  nothing.append_zeros(kSector);
  TRY(write_all(file_, nothing.view(), last_.half * kHalfBytes + last_.offset));
  end_ = last_;
  if (!std::exchange(is_last_written_, false)) return {};
  --sequence_;
  last_commit_ = commit_before_;
  return {};
}

// --- Reading

namespace {

struct Found {
  uint64_t sequence;
  bool continues;
  JournalEntry entry;
};

// Parses the entry at the beginning of these bytes. Returns nothing if the entry has another
// identity or is incomplete.
std::optional<Found> entry_at(std::string_view bytes, const Uuid& identity) {
  Found found;
  found.continues = bytes.starts_with(kContinues);
  if (!found.continues && !bytes.starts_with(kMark)) return std::nullopt;
  ByteReader in(bytes);
  in.bytes(kMark.size());
  const bool is_own = in.bytes(identity.bytes.size()) == bytes_of(identity);
  found.sequence = in.be<uint64_t>();
  found.entry.commit = in.be<uint64_t>();
  found.entry.root_commit = in.be<uint64_t>();
  const auto root_bytes = in.be<uint32_t>(), change_bytes = in.be<uint32_t>();
  const auto sum = in.be<uint64_t>();
  if (!in.ok() || !is_own || in.rest().size() < uint64_t{root_bytes} + change_bytes)
    return std::nullopt;
  const std::string_view rest = in.rest().substr(0, size_t{root_bytes} + change_bytes);
  if (checksum(bytes.substr(0, kHeadBytes - sizeof sum), rest) != sum) return std::nullopt;
  found.entry.root = rest.substr(0, root_bytes);
  found.entry.changes = rest.substr(root_bytes);
  return found;
}

Result<std::string> read_file(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) return lmdb_failure(errno, "open the commit journal");
  struct stat found;
  if (::fstat(file.number, &found) != 0) return lmdb_failure(errno, "read the commit journal");
  std::string bytes(2 * CommitJournal::kHalfBytes, '\0');
  if (static_cast<uint64_t>(found.st_size) != bytes.size())
    return damaged_data(
        fmt::format("the commit journal {} is truncated or is another file: {} "
                    "bytes of {}",
                    path, found.st_size, bytes.size()));
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        ::pread(file.number, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return lmdb_failure(errno, "read the commit journal");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

// Searches all sectors for entries. After the newest entries, a reused half still has older ones: their sequences
// are smaller, or the newer entries have partly overwritten them. Only the last entry counts, together with the
// entries that precede it without a gap in the sequences.
Result<ReplayedJournal> read_journal(const std::string& path, const Uuid& identity) {
  const std::string bytes = TRY(read_file(path));
  std::vector<Found> all;
  for (size_t half = 0; half < bytes.size(); half += CommitJournal::kHalfBytes) {
    const std::string_view part = std::string_view(bytes).substr(half, CommitJournal::kHalfBytes);
    for (size_t offset = 0; offset < part.size(); offset += kSector)
      if (auto found = entry_at(part.substr(offset), identity)) all.push_back(*found);
  }
  std::ranges::sort(all, {}, &Found::sequence);
  ReplayedJournal replayed;
  if (all.empty()) return replayed;
  size_t first = all.size() - 1;
  while (first > 0 && all[first - 1].sequence + 1 == all[first].sequence) --first;
  for (size_t i = first; i < all.size(); ++i)
    if (const JournalEntry& entry = all[i].entry; !entry.root.empty()) {
      replayed.root = entry.root;
      replayed.root_commit = entry.root_commit;
    }
  replayed.last_commit = std::max(all.back().entry.commit, replayed.root_commit);
  uint64_t last = replayed.root_commit;
  bool has_gap = false;
  for (size_t i = first; i < all.size(); ++i) {
    const JournalEntry& entry = all[i].entry;
    if (entry.changes.empty() || entry.commit <= replayed.root_commit) continue;
    const bool continues = all[i].continues && !replayed.commits.empty();
    has_gap |= continues != all[i].continues || entry.commit != (continues ? last : last + 1);
    last = entry.commit;
    if (!continues) replayed.commits.push_back({entry.commit, {}});
    replayed.commits.back().changes.emplace_back(entry.changes);
  }
  if (replayed.root.empty() || has_gap)
    return damaged_data(fmt::format("entries of the commit journal {} are damaged", path));
  return replayed;
}

}  // namespace storage
