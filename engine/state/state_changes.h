// Changed entries of a task's stores, as the bytes in which the journal keeps them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace engine {

// One changed entry of a store. Entries are absolute: applying one twice changes nothing.
struct StateEntry {
  enum class Kind : uint8_t {
    Put,          // key -> value
    Delete,       // key is gone
    DeleteBelow,  // all keys that are smaller than this one are gone
  };
  uint32_t store = 0;  // index of the store in its task
  Kind kind = Kind::Put;
  std::string_view key, value;  // owned by whoever made the entry
  bool operator==(const StateEntry&) const = default;
};

// What `encode` appends to `out`, with its length before it; gives that. Where it takes as many bytes as that of
// `about_bytes` would, nothing is moved.
template <class Encode>
size_t append_sized_by(std::string& out, size_t about_bytes, const Encode& encode) {
  const size_t at = out.size();
  append_varint(out, about_bytes);
  const size_t begin = out.size();
  encode(out);
  const size_t bytes = out.size() - begin;
  if (bytes == about_bytes) return bytes;
  std::string length;
  append_varint(length, bytes);
  out.replace(at, begin - at, length);
  return bytes;
}

// An entry is encoded once, here. The journal holds these bytes, and a checkpoint is made of them, out of
// the journal; so there is one piece of memory for thousands of entries, which is let go of in one step.
//
// Threads: one at a time.
class StateChanges {
 public:
  StateChanges() = default;

  void append(const StateEntry& entry);
  // A Put whose value `encode` appends to a string, of about so many bytes. Returns how many they were.
  template <class Encode>
  size_t append_put(uint32_t store, std::string_view key, size_t about_bytes,
                    const Encode& encode) {
    begin_put(store, key, about_bytes);
    return append_sized_by(bytes_, about_bytes, encode);
  }

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }
  // `head`, and behind it bytes(): what is large is moved and not copied.
  std::string bytes_after(std::string_view head) &&;

  // Of bytes() that were stored. Fails with CorruptRecord unless they are so many whole entries.
  static Result<StateChanges> from_bytes(std::string_view bytes, uint64_t count);

  bool operator==(const StateChanges&) const = default;

 private:
  void begin_put(uint32_t store, std::string_view key, size_t about_bytes);

  std::string bytes_;
  size_t count_ = 0;
};

// Reads entries one after the other; they are views of the bytes.
class StateChangeReader {
 public:
  explicit StateChangeReader(std::string_view bytes) : left_(bytes) {}
  // False at the end, and where the bytes are damaged.
  bool next(StateEntry& entry);
  bool is_damaged() const { return is_damaged_; }
  // What comes after the entries that were read.
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
  bool is_damaged_ = false;
};

}  // namespace engine
