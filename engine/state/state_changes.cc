#include "engine/state/state_changes.h"

#include "base/bytes.h"

namespace engine {

namespace {

void append_sized(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

// Bytes to reserve for a large entry, which may have grown since its size was measured, and for the head that
// precedes the changes.
constexpr size_t kLargeBytes = size_t{256} << 10, kHeadBytes = size_t{4} << 10;

}  // namespace

void StateChanges::begin_put(uint32_t store, std::string_view key, size_t about_bytes) {
  append_varint(bytes_, store);
  bytes_ += static_cast<char>(StateEntry::Kind::Put);
  append_sized(bytes_, key);
  if (about_bytes > kLargeBytes)
    bytes_.reserve(bytes_.size() + about_bytes + about_bytes / 4 + kHeadBytes);
  ++count_;
}

std::string StateChanges::bytes_after(std::string_view head) && {
  bytes_.insert(0, head);
  return std::move(bytes_);
}

void StateChanges::append(const StateEntry& entry) {
  append_varint(bytes_, entry.store);
  bytes_ += static_cast<char>(entry.kind);
  append_sized(bytes_, entry.key);
  if (entry.kind == StateEntry::Kind::Put) append_sized(bytes_, entry.value);
  ++count_;
}

Result<StateChanges> StateChanges::from_bytes(std::string_view bytes, uint64_t count) {
  StateChangeReader reader(bytes);
  StateEntry entry;
  uint64_t found = 0;
  while (reader.next(entry)) ++found;
  if (reader.is_damaged() || found != count)
    return Error{ErrorCode::CorruptRecord, "stored changes of a task's state are damaged"};
  StateChanges changes;
  changes.bytes_ = bytes;
  changes.count_ = found;
  return changes;
}

bool StateChangeReader::next(StateEntry& entry) {
  if (left_.empty()) return false;
  ByteReader in(left_);
  entry.store = static_cast<uint32_t>(in.varint());
  const auto kind = in.be<uint8_t>();
  entry.kind = static_cast<StateEntry::Kind>(kind);
  entry.key = in.bytes(in.varint());
  entry.value = entry.kind == StateEntry::Kind::Put ? in.bytes(in.varint()) : std::string_view();
  is_damaged_ = !in.ok() || kind > static_cast<uint8_t>(StateEntry::Kind::DeleteBelow);
  left_ = is_damaged_ ? std::string_view() : in.rest();
  return !is_damaged_;
}

}  // namespace engine
