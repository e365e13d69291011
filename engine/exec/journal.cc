#include "engine/exec/journal.h"

#include "base/bytes.h"

namespace engine {

namespace {

constexpr uint8_t kJournalVersion = 1;
constexpr size_t kHeadSize = 256;  // more than most have before their changes

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
  out.reserve(entry.changes.bytes().size() + kHeadSize);
  out += static_cast<char>(kJournalVersion);
  append_varint(out, entry.positions.size());
  for (const InputPosition& position : entry.positions) encode_position(position, out);
  append_varint(out, entry.scalars.size());
  for (const int64_t scalar : entry.scalars) append_varint(out, zigzag(scalar));
  append_varint(out, entry.changes.count());
  return out += entry.changes.bytes();
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
  const uint64_t changes = in.varint();
  if (!in.ok()) return Error{ErrorCode::CorruptRecord, "a journal entry is damaged"};
  entry.changes = TRY(StateChanges::from_bytes(in.rest(), changes));
  return entry;
}

}  // namespace engine
