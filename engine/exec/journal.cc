#include "engine/exec/journal.h"

#include <algorithm>
#include <span>

#include "base/uuid_bytes.h"

namespace engine {

namespace {

constexpr uint8_t kJournalVersion = 4, kBeforeErrors = 3, kBeforeSizes = 2, kBeforeSequences = 1;

void encode_position(const InputPosition& position, std::string& out) {
  append_varint(out, position.input);
  append_uuid(out, position.partition.topic);
  append_varint(out, static_cast<uint64_t>(position.partition.partition.value()));
  append_varint(out, static_cast<uint64_t>(position.next.value()));
}

InputPosition decode_position(ByteReader& in) {
  InputPosition position;
  position.input = static_cast<uint32_t>(in.varint());
  position.partition.topic = read_uuid(in);
  position.partition.partition = PartitionId(static_cast<int32_t>(in.varint()));
  position.next = Offset(static_cast<int64_t>(in.varint()));
  return position;
}

// Decodes a count and this many items. Stops at the first missing item, so that a corrupt count
// cannot cause a large allocation.
template <class T, class Decode>
std::vector<T> decode_list(ByteReader& in, Decode decode) {
  std::vector<T> items;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) items.push_back(decode(in));
  return items;
}

// Encodes the sequences. Each topic is written once, before all of its partitions.
void encode_outputs(std::span<const OutputSequence> left, std::string& out) {
  while (!left.empty()) {
    const auto end = std::ranges::find_if(left, [&](const OutputSequence& sequence) {
      return sequence.to.topic != left.front().to.topic;
    });
    const auto count = static_cast<size_t>(end - left.begin());
    append_varint(out, count);
    append_uuid(out, left.front().to.topic);
    for (const OutputSequence& sequence : left.first(count)) {
      append_varint(out, static_cast<uint64_t>(sequence.to.partition.value()));
      append_varint(out, static_cast<uint64_t>(sequence.next));
    }
    left = left.subspan(count);
  }
  append_varint(out, 0);
}

std::vector<OutputSequence> decode_outputs(ByteReader& in) {
  std::vector<OutputSequence> outputs;
  for (uint64_t count = in.varint(); count > 0 && in.ok(); count = in.varint()) {
    const Uuid topic = read_uuid(in);
    for (; count > 0 && in.ok(); --count) {
      const PartitionId partition(static_cast<int32_t>(in.varint()));
      outputs.push_back({{topic, partition}, static_cast<int32_t>(in.varint())});
    }
  }
  return outputs;
}

}  // namespace

std::string encode_journal(JournalEntry entry) {
  std::string out;
  out += static_cast<char>(kJournalVersion);
  append_varint(out, entry.positions.size());
  for (const InputPosition& position : entry.positions) encode_position(position, out);
  append_varint(out, entry.scalars.size());
  for (const int64_t scalar : entry.scalars) append_varint(out, zigzag(scalar));
  encode_outputs(entry.outputs, out);
  append_varint(out, entry.sizes.size());
  for (const StoreSize& size : entry.sizes) {
    append_varint(out, size.store);
    append_varint(out, size.entries);
  }
  append_varint(out, entry.last_error.size());
  out += entry.last_error;
  append_varint(out, entry.changes.count());
  return std::move(entry.changes).bytes_after(out);
}

Result<JournalView> view_journal(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.be<uint8_t>();
  if (in.ok() && version > kJournalVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the journal was written by a newer version of millrace"};
  JournalView view;
  JournalEntry& entry = view.head;
  entry.positions = decode_list<InputPosition>(in, decode_position);
  entry.scalars = decode_list<int64_t>(in, [](ByteReader& from) { return from.signed_varint(); });
  if (version > kBeforeSequences) entry.outputs = decode_outputs(in);
  if (version > kBeforeSizes)
    entry.sizes = decode_list<StoreSize>(in, [](ByteReader& from) {
      return StoreSize{static_cast<uint32_t>(from.varint()), from.varint()};
    });
  if (version > kBeforeErrors) entry.last_error = in.bytes(in.varint());
  view.change_count = in.varint();
  if (!in.ok()) return Error{ErrorCode::CorruptRecord, "a journal entry is damaged"};
  view.changes = in.rest();
  return view;
}

Result<JournalEntry> decode_journal(std::string_view bytes) {
  JournalView view = TRY(view_journal(bytes));
  view.head.changes = TRY(StateChanges::from_bytes(view.changes, view.change_count));
  return std::move(view.head);
}

}  // namespace engine
