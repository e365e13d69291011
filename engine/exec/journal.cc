#include "engine/exec/journal.h"

#include "base/bytes.h"

namespace engine {

namespace {

constexpr uint8_t kJournalVersion = 1;

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

void encode_position(const InputPosition& position, std::string& out) {
  append_varint(out, position.input);
  out.append(reinterpret_cast<const char*>(position.partition.topic.bytes.data()), 16);
  append_varint(out, static_cast<uint64_t>(position.partition.partition.value()));
  append_varint(out, static_cast<uint64_t>(position.next.value()));
}

InputPosition decode_position(ByteReader& in) {
  InputPosition position;
  position.input = static_cast<uint32_t>(in.varint());
  const std::string_view topic = in.bytes(16);
  if (in.ok()) std::memcpy(position.partition.topic.bytes.data(), topic.data(), 16);
  position.partition.partition = PartitionId(static_cast<int32_t>(in.varint()));
  position.next = Offset(static_cast<int64_t>(in.varint()));
  return position;
}

void encode_entry(const StateEntry& entry, std::string& out) {
  append_varint(out, entry.store);
  out += static_cast<char>(entry.kind);
  append_bytes(out, entry.key);
  if (entry.kind == StateEntry::Kind::Put) append_bytes(out, entry.value);
}

StateEntry decode_entry(ByteReader& in) {
  StateEntry entry;
  entry.store = static_cast<uint32_t>(in.varint());
  const auto kind = in.be<uint8_t>();
  if (kind > static_cast<uint8_t>(StateEntry::Kind::DeleteBelow)) in.bytes(SIZE_MAX);  // fails
  entry.kind = static_cast<StateEntry::Kind>(kind);
  entry.key = in.bytes(in.varint());
  if (entry.kind == StateEntry::Kind::Put) entry.value = in.bytes(in.varint());
  return entry;
}

// Reads a count and that many items; stops at the first that is not there, so a lying count costs
// nothing.
template <class T, class Decode>
std::vector<T> decode_list(ByteReader& in, Decode decode) {
  std::vector<T> items;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) items.push_back(decode(in));
  return items;
}

}  // namespace

std::string encode_journal(const JournalEntry& entry) {
  std::string out;
  out += static_cast<char>(kJournalVersion);
  append_varint(out, entry.positions.size());
  for (const InputPosition& position : entry.positions) encode_position(position, out);
  append_varint(out, entry.scalars.size());
  for (const int64_t scalar : entry.scalars) append_varint(out, zigzag(scalar));
  append_varint(out, entry.entries.size());
  for (const StateEntry& changed : entry.entries) encode_entry(changed, out);
  return out;
}

Result<JournalEntry> decode_journal(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.be<uint8_t>();
  if (in.ok() && version > kJournalVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the journal was written by a newer version of millrace"};
  JournalEntry entry;
  entry.positions = decode_list<InputPosition>(in, decode_position);
  entry.scalars = decode_list<int64_t>(in, [](ByteReader& from) { return from.signed_varint(); });
  entry.entries = decode_list<StateEntry>(in, decode_entry);
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::CorruptRecord, "a journal entry is damaged"};
  return entry;
}

}  // namespace engine
